/** A party is heavy if its cost is at least this many times the mean cost of all parties. */
const HEAVY = 1.25;
/** Estimated CPU time of a request without its body, in milliseconds. */
const REQUEST_MS = 0.2;
/** Estimated CPU time to read and parse one byte of a body, in milliseconds: 10 ms per MiB. */
const BYTE_MS = 10 / 2 ** 20;
/** Number of unknown tokens of a heavy address that are verified in one measurement: about 20 ms of CPU time. */
const MAX_VERIFICATIONS = 100;

/**
 * Estimates the CPU time that the requests of each party take between two measurements. The party of a request is its
 * subject, or its address as long as no token is verified.
 */
export class PartyCosts {
  private costs = new Map<string, number>();
  private verifications = new Map<string, number>();
  private total = 0;
  private heavy: ReadonlySet<string> = new Set();

  /** Adds a request, also one that is then refused: a heavy party stays heavy until it sends less. */
  add(party: string, bodyBytes: number): void {
    const cost = costOf(bodyBytes);
    this.costs.set(party, (this.costs.get(party) ?? 0) + cost);
    this.total += cost;
  }

  /** Takes back a request that was added for an address, because it counts for its subject. */
  takeBack(party: string, bodyBytes: number): void {
    const cost = costOf(bodyBytes);
    const left = (this.costs.get(party) ?? 0) - cost;
    // The request was added in an earlier measurement.
    if (left < -REQUEST_MS / 2) return;
    this.total -= cost;
    if (left < REQUEST_MS / 2) this.costs.delete(party);
    else this.costs.set(party, left);
  }

  /** Whether a heavy address can have another unknown token verified in this measurement. */
  takeVerification(party: string): boolean {
    const taken = this.verifications.get(party) ?? 0;
    this.verifications.set(party, taken + 1);
    return taken < MAX_VERIFICATIONS;
  }

  /** Whether the party was above its share in the last measurement, while the process was saturated. */
  isHeavy(party: string): boolean {
    return this.heavy.has(party);
  }

  /** Ends a measurement. A party that is alone is never heavy. */
  measure(isSaturated: boolean): void {
    const limit = (HEAVY * this.total) / this.costs.size;
    const above = [...this.costs].filter(([, cost]) => isSaturated && cost > limit);
    this.heavy = new Set(above.map(([party]) => party));
    this.costs = new Map();
    this.verifications = new Map();
    this.total = 0;
  }
}

function costOf(bodyBytes: number): number {
  return REQUEST_MS + bodyBytes * BYTE_MS;
}
