/** For how long a response that was written can still turn out to have been cancelled by its client, in milliseconds. */
const LATE_CANCELLATION_MS = 30_000;
/** For how long a cancellation waits for the request that it has overtaken, in milliseconds. */
const EARLY_CANCELLATION_MS = 3_000;
const MAX_EARLY_CANCELLATIONS = 10_000;

/** Whether the response to one call of a tool has a recipient. */
export class Delivery {
  private readonly controller = new AbortController();
  private takeBack?: () => void;

  /** Aborted when the client has cancelled the call or its connection is closed. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Whether the call changed something that can be taken back. */
  get hasEffect(): boolean {
    return this.takeBack !== undefined;
  }

  /** Sets how to take the effect of the call back; that is done at once if the response is lost already. */
  onLost(takeBack: () => void): void {
    if (this.signal.aborted) takeBack();
    else this.takeBack = takeBack;
  }

  /** The response has no recipient: ends its waits, and takes its effect back. */
  lose(): void {
    this.controller.abort();
    this.takeBack?.();
    this.takeBack = undefined;
  }
}

/** Names a call of a tool. */
export interface CallId {
  key: string;
  /** Whether no other client can have a call with this key. */
  isUnique: boolean;
}

/**
 * The calls of tools that a process answers, by what their cancellation names. A call whose key may be that of another
 * client's call too is cancelled only before it is answered: that ends a wait early, and the response says so.
 */
export class Deliveries {
  private readonly open = new Map<string, Set<Delivery>>();
  private readonly answered = new Map<string, Delivery>();
  private readonly early = new Set<string>();

  /** A new call; already cancelled if its cancellation came before it. */
  begin({ key, isUnique }: CallId): Delivery {
    const delivery = new Delivery();
    const open = this.open.get(key) ?? new Set();
    this.open.set(key, open.add(delivery));
    if (isUnique && this.early.has(key)) delivery.lose();
    return delivery;
  }

  /** The response to a call is written, or never will be. */
  end({ key, isUnique }: CallId, delivery: Delivery): void {
    const open = this.open.get(key);
    open?.delete(delivery);
    if (open?.size === 0) this.open.delete(key);
    if (!isUnique || !delivery.hasEffect) return;
    this.answered.set(key, delivery);
    setTimeout(() => {
      if (this.answered.get(key) === delivery) this.answered.delete(key);
    }, LATE_CANCELLATION_MS).unref();
  }

  /** The client does not want the response to a call any more. */
  cancel({ key, isUnique }: CallId): void {
    const open = this.open.get(key);
    for (const delivery of open ?? []) delivery.lose();
    this.answered.get(key)?.lose();
    const isKnown = open !== undefined || this.answered.has(key);
    if (isKnown || !isUnique || this.early.size >= MAX_EARLY_CANCELLATIONS) return;
    this.early.add(key);
    setTimeout(() => this.early.delete(key), EARLY_CANCELLATION_MS).unref();
  }
}
