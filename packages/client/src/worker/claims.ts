import type { MeshClient } from '../client.js';
import { randomKey } from '../random-key.js';
import type { ClaimedTask, ClaimNextTaskBody } from '../types.js';

const MAX_RETRIES = 3;

/** Claims tasks. A claim whose response is lost is sent again with the same key, so it returns the same task. */
export class Claims {
  /** Key of the claim whose response is missing. */
  private key: string | undefined;

  constructor(
    private readonly client: MeshClient,
    private readonly claim: ClaimNextTaskBody,
  ) {}

  /** Claims a task. Returns undefined if no task is due, or if the session of an earlier claim has ended since. */
  async next(maxRetries = 0): Promise<ClaimedTask | undefined> {
    const idempotencyKey = (this.key ??= randomKey());
    // No signal: a claim whose response is lost would hold its task until the lease ends.
    const claimed = await this.client.tasks.claimNext(this.claim, { idempotencyKey, maxRetries });
    this.key = undefined;
    const isOver = claimed?.replayed === true && claimed.session.status !== 'active';
    return isOver ? undefined : claimed;
  }

  /** Releases the task of a claim whose response is missing. */
  async end(): Promise<void> {
    if (this.key === undefined) return;
    const claimed = await this.next(MAX_RETRIES);
    if (claimed) await this.client.sessions.release(claimed.session.id, { undelivered: true });
  }
}
