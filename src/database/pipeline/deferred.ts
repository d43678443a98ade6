let read: <T>(deferred: Deferred<T>) => Promise<T>;

/**
 * The rows of the last statement of a transaction, which is sent in one batch with COMMIT. Code inside the transaction
 * cannot await them, because the statement is not sent before the work ends: the work returns this object, and the caller
 * that runs the transaction receives the value.
 */
export class Deferred<T> {
  readonly #value: Promise<T>;

  constructor(value: Promise<T>) {
    this.#value = value;
    // If the batch fails, COMMIT rejects with the cause.
    value.catch(() => undefined);
  }

  static {
    read = (deferred) => deferred.#value;
  }

  /** Wraps a value that is available already. */
  static resolved<T>(value: T): Deferred<T> {
    return new Deferred(Promise.resolve(value));
  }

  /** Combines the results of two statements of one batch. */
  static all<A, B>(one: Deferred<A>, other: Deferred<B>): Deferred<[A, B]> {
    return new Deferred(Promise.all([one.#value, other.#value]));
  }

  /** Converts the value when it arrives. */
  map<U>(convert: (value: T) => U): Deferred<U> {
    return new Deferred(this.#value.then(convert));
  }
}

/** Returns the value of a deferred result, for the connection that sends its statement. */
export function valueOfDeferred<T>(deferred: Deferred<T>): Promise<T> {
  return read(deferred);
}
