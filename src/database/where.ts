/** Collects the conditions of a query and its parameters, so that a filter which is not given leaves no trace. */
export class Where {
  readonly parameters: unknown[] = [];
  private readonly terms: string[] = [];

  /** Adds a condition in which each `?` stands for the next of `values`; skipped when one of them is undefined. */
  and(term: string, ...values: readonly unknown[]): this {
    if (values.includes(undefined)) return this;
    const rest = [...values];
    this.terms.push(term.replace(/\?/g, () => this.bind(rest.shift())));
    return this;
  }

  /** Adds a parameter and gives its placeholder. */
  bind(value: unknown): string {
    this.parameters.push(value);
    return `$${this.parameters.length}`;
  }

  toString(): string {
    return this.terms.length === 0 ? '' : `WHERE ${this.terms.join(' AND ')}`;
  }
}
