/** More than the code has; beyond it, statements are parsed anew each time, so that names cannot fill a memory. */
const MOST = 1_000;

/**
 * Names for prepared statements: under its name a statement is parsed once per connection, and planned at most a few
 * times. Statements are known by their text, of which there are as many as the code has.
 */
export class StatementNames {
  private readonly names = new Map<string, string>();
  private generation = 1;

  /** @param isOn false behind a pooler that does not keep prepared statements: then every statement is parsed anew */
  constructor(private readonly isOn = true) {}

  /** The name of a statement; undefined where statements are to have none. */
  of(text: string): string | undefined {
    if (!this.isOn) return undefined;
    const known = this.names.get(text);
    if (known !== undefined || this.names.size >= MOST) return known;
    const name = `mesh_${this.generation}_${this.names.size + 1}`;
    this.names.set(text, name);
    return name;
  }

  /** Gives every statement a new name: a migration has changed what one of them answers. */
  renew(): void {
    this.generation += 1;
    this.names.clear();
  }
}
