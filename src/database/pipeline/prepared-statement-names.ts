/** Limit of names, so that they cannot fill the memory. Higher than the number of statements in the code. */
const MAX_NAMES = 1_000;

/**
 * Names of prepared statements, by the text of the statement. A named statement is parsed once per connection and planned
 * at most a few times.
 */
export class PreparedStatementNames {
  private readonly names = new Map<string, string>();
  private generation = 1;

  /** @param isOn false behind a pooler that does not track prepared statements: then no statement is prepared */
  constructor(readonly isOn = true) {}

  /** Returns the name of a statement; undefined if it is not to be prepared. */
  nameFor(text: string): string | undefined {
    if (!this.isOn) return undefined;
    const known = this.names.get(text);
    if (known !== undefined || this.names.size >= MAX_NAMES) return known;
    const name = `mesh_${this.generation}_${this.names.size + 1}`;
    this.names.set(text, name);
    return name;
  }

  /** Assigns new names to all statements, because the result type of one of them has changed. */
  invalidateAll(): void {
    this.generation += 1;
    this.names.clear();
  }
}
