/** Time after a response is written during which a cancellation of its call is still accepted, in milliseconds. */
const LATE_CANCELLATION_MS = 30_000;
/** Time for which a cancellation that arrives before its request is kept, in milliseconds. */
const EARLY_CANCELLATION_MS = 3_000;
const MAX_EARLY_CANCELLATIONS = 10_000;

/** The delivery of the response to one tool call: it is lost if the client cancels or disconnects. */
export class Delivery {
  private readonly controller = new AbortController();
  private takeBack?: () => void;

  /** Aborted when the delivery is lost. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Whether the call has an effect that can be undone. */
  get hasEffect(): boolean {
    return this.takeBack !== undefined;
  }

  /** Registers the function that undoes the effect of the call. It runs at once if the delivery is already lost. */
  onLost(takeBack: () => void): void {
    if (this.signal.aborted) takeBack();
    else this.takeBack = takeBack;
  }

  /** Marks the delivery as lost: aborts `signal` and undoes the effect. */
  lose(): void {
    this.controller.abort();
    this.takeBack?.();
    this.takeBack = undefined;
  }
}

/** Identifies a tool call. */
export interface CallId {
  key: string;
  /** Whether no other client can make a call with this key. */
  isUnique: boolean;
}

/**
 * The tool calls of this instance, by the key that a cancellation contains. A call whose key is not unique can be
 * cancelled only until it is answered, because after that the key may be that of another client's call. Such a
 * cancellation ends a wait early, and the client receives a response.
 */
export class Deliveries {
  private readonly open = new Map<string, Set<Delivery>>();
  private readonly answered = new Map<string, Delivery>();
  private readonly early = new Set<string>();

  /** Begins a call. Its delivery is already lost if its cancellation arrived first. */
  begin({ key, isUnique }: CallId): Delivery {
    const delivery = new Delivery();
    const open = this.open.get(key) ?? new Set();
    this.open.set(key, open.add(delivery));
    if (isUnique && this.early.has(key)) delivery.lose();
    return delivery;
  }

  /** Ends a call: its response is written, or its connection is closed. */
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

  /** Cancels a call on behalf of its client. */
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
