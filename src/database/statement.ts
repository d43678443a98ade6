/** The placeholders of the values, such as `$1`, by the name of the value. */
export type Placeholders<Values extends object> = {
  readonly [name in keyof Values & string]-?: string;
};

/** A statement with its parameters, as `sql` and `queueSql` take them. */
export type BoundStatement = readonly [text: string, parameters: readonly unknown[]];

/** SQL expressions by the name of their column. The compiler checks the names. */
export type Columns<Row extends object> = { readonly [column in keyof Row]: string };

/**
 * Defines a statement whose parameters have names. The text is written once, so it stays one prepared statement:
 *
 * ```ts
 * const RENAME = statement<{ id: string; name: string }>(
 *   ({ id, name }) => `UPDATE agents SET ${assignments<Agent>({ name })} WHERE id = ${id}`,
 * );
 * await sql(manager, ...RENAME({ id, name }));
 * ```
 *
 * @param write returns the text of the statement, with the placeholders that it receives
 * @returns a function that binds values. A value that is undefined is NULL.
 */
export function statement<Values extends object>(
  write: (value: Placeholders<Values>) => string,
): (values: Values) => BoundStatement {
  const names: (keyof Values & string)[] = [];
  const text = write(placeholders<Values>(names));
  return (values) => [text, names.map((name) => values[name])];
}

/**
 * Returns `INSERT INTO … VALUES …`.
 *
 * @typeParam Row the columns. Each one must have an expression, unless it is optional.
 */
export function insertInto<Row extends object>(table: string, columns: Columns<Row>): string {
  return `INSERT INTO ${table} (${namesOf(columns)}) VALUES (${expressionsOf(columns)})`;
}

/** Like {@link insertInto}, but returns `INSERT INTO … SELECT …`. A FROM or WHERE clause can follow. */
export function insertSelect<Row extends object>(table: string, columns: Columns<Row>): string {
  return `INSERT INTO ${table} (${namesOf(columns)}) SELECT ${expressionsOf(columns)}`;
}

/** Returns the assignments of a SET clause. */
export function assignments<Row extends object>(columns: Partial<Columns<Row>>): string {
  return Object.entries<string | undefined>(columns)
    .map(([column, expression]) => `${column} = ${expression}`)
    .join(', ');
}

function namesOf(columns: object): string {
  return Object.keys(columns).join(', ');
}

function expressionsOf(columns: object): string {
  return Object.values(columns).join(', ');
}

/** Numbers the placeholders in the order of their first use, and adds their names to `names`. */
function placeholders<Values extends object>(
  names: (keyof Values & string)[],
): Placeholders<Values> {
  return new Proxy({} as Placeholders<Values>, {
    get: (_, name: keyof Values & string): string => {
      const known = names.indexOf(name);
      return `$${known >= 0 ? known + 1 : names.push(name)}`;
    },
  });
}
