import type { MeshClient } from '../client.js';
import { isProblem, type ProblemError } from '../errors.js';
import { pause } from '../pause.js';
import type { Session } from '../types.js';
import { canRecover, persistently } from './persistently.js';
import { LeaseLostError, TaskCancelledError } from './worker-errors.js';

/** Member of a session's metadata: the worker that has taken the session over from another with the same identity. */
const WORKER = 'worker';

export interface HoldOptions {
  readonly leaseSeconds: number;
  /** Id of this worker, different from every other one. */
  readonly workerId: string;
  /** Receives the errors of heartbeats and of the watch, which are repeated. */
  readonly onError: (error: unknown) => void;
}

/**
 * A claimed session. It extends the lease with heartbeats, and watches the session, so that {@link signal} aborts as soon
 * as the session has ended or another worker has taken it over.
 */
export class SessionHold {
  private readonly lost = new AbortController();
  private readonly watching = new AbortController();
  private readonly holding = new AbortController();
  private loops: Promise<unknown> | undefined;
  private isReporting = false;

  constructor(
    private readonly client: MeshClient,
    private session: Session,
    private readonly options: HoldOptions,
  ) {}

  get id(): string {
    return this.session.id;
  }

  /** The session as this worker knows it. */
  get current(): Session {
    return this.session;
  }

  /** Aborts when the session is lost, the task is cancelled, or {@link abort} is called. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  start(): void {
    this.loops = Promise.all([this.sendHeartbeats(), this.watch()]);
  }

  /** Ends the heartbeats and the watch. */
  async end(): Promise<void> {
    this.watching.abort();
    this.holding.abort();
    await this.loops;
  }

  /** Ends the watch. From now on the response to the report shows whether the session is still held. */
  beginReport(): void {
    this.isReporting = true;
    this.watching.abort();
  }

  abort(reason: Error): void {
    this.lost.abort(reason);
  }

  /** Replaces the metadata of the session. */
  async updateMetadata(metadata: Record<string, unknown>): Promise<void> {
    await this.changing(async (ifVersion) => {
      const worker = this.session.metadata[WORKER];
      const update = { metadata: { ...metadata, ...(worker !== undefined && { worker }) } };
      const options = { ifVersion, signal: this.signal };
      this.session = await this.client.sessions.update(this.id, update, options);
    });
  }

  /**
   * Takes over a session from a worker with the same identity that has ended.
   *
   * @throws ProblemError if another worker was first
   */
  async takeOver(): Promise<void> {
    const metadata = { ...this.session.metadata, [WORKER]: this.options.workerId };
    const idempotencyKey = `${this.id}.take-over.${this.options.workerId}`;
    const options = { ifVersion: this.session.version, idempotencyKey };
    this.session = await this.client.sessions.update(this.id, { metadata }, options);
    await this.sendHeartbeat();
  }

  /**
   * Makes a change that requires the version of the session. Repeats it if the version has changed and the session is
   * still held.
   */
  async changing<T>(change: (ifVersion: number) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await change(this.session.version);
      } catch (error) {
        if (!isProblem(error, 'session.version_mismatch')) throw error;
        this.compare(await persistently(undefined, () => this.client.sessions.get(this.id)));
        const reason: unknown = this.lost.signal.reason;
        if (this.lost.signal.aborted) throw reason;
      }
    }
  }

  private async sendHeartbeats(): Promise<void> {
    const intervalMs = (this.options.leaseSeconds * 1000) / 3;
    let waitMs = intervalMs;
    while (await this.isHeldAfter(waitMs)) {
      try {
        await this.sendHeartbeat();
        waitMs = intervalMs;
      } catch (error) {
        this.examine(error, this.holding.signal);
        waitMs = Math.min(intervalMs, 2_000) * (0.25 + 0.5 * Math.random());
      }
    }
  }

  private async sendHeartbeat(): Promise<void> {
    const { leaseSeconds } = this.options;
    const { signal } = this.holding;
    const options = { maxRetries: 0, timeoutMs: (leaseSeconds * 1000) / 3, signal };
    const lease = { lease_seconds: leaseSeconds };
    this.compare(await this.client.sessions.heartbeat(this.id, lease, options));
  }

  private async isHeldAfter(ms: number): Promise<boolean> {
    if (this.lost.signal.aborted) return false;
    const ended = AbortSignal.any([this.holding.signal, this.lost.signal]);
    return pause(ms, ended).then(
      () => true,
      () => false,
    );
  }

  private async watch(): Promise<void> {
    const ended = AbortSignal.any([this.watching.signal, this.lost.signal]);
    while (!ended.aborted) {
      try {
        const options = { signal: ended, maxRetries: 0 };
        const changed = await this.client.sessions.changed(this.id, this.session.version, options);
        if (changed !== undefined) this.compare(changed);
      } catch (error) {
        this.examine(error, ended);
        await pause(1_000 * (0.5 + Math.random()), ended).catch(() => undefined);
      }
    }
  }

  /** Compares a response about the session with what this worker knows. */
  private compare(session: Session): void {
    const worker = session.metadata[WORKER];
    if (session.status !== 'active') this.lose(endOf(session));
    else if (worker !== undefined && worker !== this.options.workerId)
      this.lose(new LeaseLostError('another worker with the same identity has taken it over'));
    else if (session.version > this.session.version) this.session = session;
  }

  /** A refusal means that the session is lost; every other error is repeated. */
  private examine(error: unknown, ended: AbortSignal): void {
    if (ended.aborted) return;
    if (isProblem(error) && !canRecover(error)) this.lose(reasonOf(error));
    else this.options.onError(error);
  }

  private lose(reason: Error): void {
    if (!this.isReporting) this.lost.abort(reason);
  }
}

function endOf({ status, ended_reason }: Session): Error {
  if (ended_reason === 'cancelled') return new TaskCancelledError();
  return new LeaseLostError(ended_reason ?? status);
}

function reasonOf(error: ProblemError): Error {
  return error.code === 'task.cancelled'
    ? new TaskCancelledError()
    : new LeaseLostError(error.detail);
}
