const WEIGHT = 8;

/**
 * Places for requests of one kind, shared by parties: addresses before authentication, subjects after it.
 *
 * A party may take another place while it holds fewer than eight times the free places (the dynamic threshold of
 * Choudhury and Hahne, 1998). So one party can use most places while it is alone, and `n` greedy parties always leave
 * `size / (8n + 1)` places to the others.
 */
export class PlacePool {
  private readonly held = new Map<string, number>();
  private taken = 0;

  constructor(private readonly size: number) {}

  /** Number of places in use. */
  get used(): number {
    return this.taken;
  }

  /** Whether no place is free. */
  get isFull(): boolean {
    return this.taken >= this.size;
  }

  /** Whether at least half of the places are in use. */
  get isCrowded(): boolean {
    return this.taken * 2 >= this.size;
  }

  /** Takes a place. Returns false if the party holds its share already or no place is free. */
  take(party: string): boolean {
    const own = this.held.get(party) ?? 0;
    if (own >= WEIGHT * (this.size - this.taken)) return false;
    this.held.set(party, own + 1);
    this.taken += 1;
    return true;
  }

  leave(party: string): void {
    const own = this.held.get(party) ?? 0;
    if (own > 1) this.held.set(party, own - 1);
    else this.held.delete(party);
    this.taken -= 1;
  }
}
