import type { MeshRequest, RequestOptions } from '../http.js';
import { List } from '../pages.js';
import type {
  ReleaseSessionBody,
  SendHeartbeatBody,
  Session,
  SessionFilter,
  SessionPage,
  UpdateSessionBody,
} from '../types.js';
import { Resource, segment, type WriteOptions } from './resource.js';

/** The report of a failed attempt. */
export interface Failure {
  /** The reason, for the requester. */
  readonly error: string;
  /** Whether another attempt follows, if any are left. */
  readonly retryable: boolean;
}

/** Sessions: the attempts at tasks. */
export class Sessions extends Resource {
  /** Returns a session. */
  get(id: string, options?: RequestOptions): Promise<Session> {
    return this.read(`/sessions/${segment(id)}`, options);
  }

  /** Lists the sessions that the caller can read, newest first. */
  list(filter: SessionFilter = {}, options: RequestOptions = {}): List<Session, SessionPage> {
    return new List(this.http, '/sessions', { ...filter }, ({ sessions }) => sessions, options);
  }

  /** Waits until the session has another version than this one. Returns undefined if it has not in `waitSeconds`. */
  async changed(
    id: string,
    version: number,
    wait: RequestOptions & { waitSeconds?: number } = {},
  ): Promise<Session | undefined> {
    const { waitSeconds = 25, ...options } = wait;
    const query = { wait_seconds: waitSeconds, version };
    const session = await this.read<Session>(`/sessions/${segment(id)}`, { ...options, query });
    return session.version === version ? undefined : session;
  }

  /** Changes the status or the metadata of a session. */
  update(id: string, update: UpdateSessionBody, options: WriteOptions = {}): Promise<Session> {
    return this.call('PUT', `/sessions/${segment(id)}`, update, preconditionOf(id, options));
  }

  /** Completes an attempt, and with it the task. */
  complete(
    id: string,
    completion: { result?: Record<string, unknown>; withdraw_pending?: boolean } = {},
    options?: WriteOptions,
  ): Promise<Session> {
    return this.update(id, { ...completion, status: 'completed' }, options);
  }

  /** Reports that an attempt has failed. */
  fail(id: string, failure: Failure, options?: WriteOptions): Promise<Session> {
    const { error, retryable } = failure;
    return this.update(id, { status: 'failed', error, retryable }, options);
  }

  /** Extends the lease from now on. */
  heartbeat(
    id: string,
    heartbeat: SendHeartbeatBody = {},
    options?: RequestOptions,
  ): Promise<Session> {
    return this.write(`/sessions/${segment(id)}/heartbeat`, heartbeat, options);
  }

  /** Gives the task back. Its next attempt is due at once, at a time, or after an approval. */
  release(
    id: string,
    release: ReleaseSessionBody = {},
    options?: RequestOptions,
  ): Promise<Session> {
    return this.write(`/sessions/${segment(id)}/release`, release, options);
  }
}

function preconditionOf(id: string, { ifVersion, ...options }: WriteOptions): Partial<MeshRequest> {
  if (ifVersion === undefined) return options;
  return { ...options, headers: { 'if-match': `"${id}.${ifVersion}"` } };
}
