/**
 * What the last statement of a transaction is going to answer. It travels with COMMIT, so that nothing inside the
 * transaction can wait for it: the work gives it back, and whoever runs the work is given the value.
 */
export class Coming<T> {
  constructor(readonly value: Promise<T>) {
    // Should the flight fail, COMMIT tells why.
    value.catch(() => undefined);
  }

  /** What is there already. */
  static of<T>(value: T): Coming<T> {
    return new Coming(Promise.resolve(value));
  }

  /** Two that travel together. */
  static both<A, B>(one: Coming<A>, other: Coming<B>): Coming<[A, B]> {
    return new Coming(Promise.all([one.value, other.value]));
  }

  /** What is made of it, once it is there. */
  map<U>(make: (value: T) => U): Coming<U> {
    return new Coming(this.value.then(make));
  }
}
