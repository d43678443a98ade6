import type { MeshClient } from '../client.js';
import type { Session } from '../types.js';

export interface RecoveryOptions {
  readonly role: string;
  readonly leaseSeconds: number;
  /**
   * `exclusive`: no other process uses the identity of this worker, so every session that it holds is recovered at once.
   * `shared`: a session is recovered when its lease was not extended for half of its length.
   */
  readonly identity: 'exclusive' | 'shared';
}

interface Sighting {
  readonly lease: string | null;
  readonly at: number;
}

/**
 * Finds sessions that the identity of this worker holds although no worker is at them: those of a process that was
 * killed, and claims whose response was lost. A worker extends its leases every third of their length; a lease that stays
 * the same for half of its length belongs to no running worker.
 */
export class Recovery {
  private readonly sightings = new Map<string, Sighting>();
  private readonly ignored = new Set<string>();
  private dueAt = 0;

  constructor(
    private readonly client: MeshClient,
    private readonly options: RecoveryOptions,
    private readonly isOwn: (sessionId: string) => boolean,
  ) {}

  /** Milliseconds until the next scan. */
  get dueInMs(): number {
    return Math.max(0, this.dueAt - performance.now());
  }

  /** Excludes a session from later scans. */
  ignore(sessionId: string): void {
    this.ignored.add(sessionId);
  }

  /** Scans if a scan is due. Returns a session to recover, if there is one. */
  async find(signal: AbortSignal): Promise<Session | undefined> {
    if (this.dueInMs > 0) return undefined;
    const { role, leaseSeconds, identity } = this.options;
    const now = performance.now();
    const seen = new Set<string>();
    let nextMs = leaseSeconds * 1000;
    const held = { role, status: 'active', claimed_by: 'me' } as const;
    for await (const session of this.client.sessions.list(held, { signal })) {
      seen.add(session.id);
      if (session.task_id === null || this.isOwn(session.id) || this.ignored.has(session.id))
        continue;
      const silentMs = this.silenceOf(session, now);
      const silenceMs = ((session.lease_seconds ?? leaseSeconds) * 1000) / 2;
      // The scan is repeated at once, because there can be more.
      if (identity === 'exclusive' || silentMs >= silenceMs) return session;
      nextMs = Math.min(nextMs, silenceMs - silentMs);
    }
    for (const known of [this.sightings, this.ignored])
      for (const id of known.keys()) if (!seen.has(id)) known.delete(id);
    this.dueAt = now + nextMs;
    return undefined;
  }

  /** Returns for how long the lease of a session has not been extended, as far as this worker has seen. */
  private silenceOf({ id, lease_expires_at: lease }: Session, now: number): number {
    const before = this.sightings.get(id);
    if (before?.lease === lease) return now - before.at;
    this.sightings.set(id, { lease, at: now });
    return 0;
  }
}
