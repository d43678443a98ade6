/**
 * The rows of the last statement of a transaction, which is sent in one batch with COMMIT. Code inside the transaction
 * cannot await them: the work returns this object, and the caller that runs the transaction receives the value.
 */
export class Coming<T> {
  constructor(readonly value: Promise<T>) {
    // If the batch fails, COMMIT rejects with the cause.
    value.catch(() => undefined);
  }

  /** Wraps a value that is available already. */
  static of<T>(value: T): Coming<T> {
    return new Coming(Promise.resolve(value));
  }

  /** Combines the results of two statements of one batch. */
  static both<A, B>(one: Coming<A>, other: Coming<B>): Coming<[A, B]> {
    return new Coming(Promise.all([one.value, other.value]));
  }

  /** Converts the value when it arrives. */
  map<U>(convert: (value: T) => U): Coming<U> {
    return new Coming(this.value.then(convert));
  }
}
