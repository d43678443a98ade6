/** Builds a WHERE clause and its parameters. Omits the condition of a filter that is not set. */
export class WhereClause {
  readonly parameters: unknown[];
  private readonly terms: string[] = [];

  /** @param statement the clause of the statement that contains this one, so that both bind to one list of parameters */
  constructor(statement?: WhereClause) {
    this.parameters = statement?.parameters ?? [];
  }

  /** Adds a condition with a `?` for each of `values`. Adds nothing if one of them is undefined. */
  and(term: string, ...values: readonly unknown[]): this {
    if (values.includes(undefined)) return this;
    const rest = [...values];
    this.terms.push(term.replace(/\?/g, () => this.bind(rest.shift())));
    return this;
  }

  /** Adds a parameter and returns its placeholder. */
  bind(value: unknown): string {
    this.parameters.push(value);
    return `$${this.parameters.length}`;
  }

  get isEmpty(): boolean {
    return this.terms.length === 0;
  }

  /** The conditions, without the keyword. */
  get condition(): string {
    return this.terms.join(' AND ');
  }

  toString(): string {
    return this.isEmpty ? '' : `WHERE ${this.condition}`;
  }
}
