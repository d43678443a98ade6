import pg, { type Connection, type Submittable } from 'pg';
import { QueryFailedError } from 'typeorm';
import { LostRace } from './postgres-errors.js';
import { type Field, type RawRow, RowReader } from './row-reader.js';

/** A statement with its parameters and the callbacks for its result. */
export interface Statement {
  readonly text: string;
  /** Parameters in wire format, so that their conversion cannot fail while the batch is written. */
  readonly values: readonly (string | Buffer | null)[];
  /** Name of the prepared statement; undefined if the statement is not prepared. */
  readonly name: string | undefined;
  /**
   * The constraint, the NOT NULL column, or the SQLSTATE that shows a conflict with a concurrent transaction.
   */
  readonly raceOn: string | undefined;
  /** Limit of its rows in characters. Rows after the one that exceeds the limit are discarded. */
  readonly most: number | undefined;
  readonly succeed: (result: Result) => void;
  readonly fail: (error: Error) => void;
}

export interface Result {
  readonly rows: Record<string, unknown>[];
  /** Whether rows were discarded. */
  readonly isCut: boolean;
  /** Command tag, such as `INSERT 0 1`. */
  readonly tag: string;
}

/** PostgreSQL skipped the statement, because an earlier statement of the batch failed with `cause`. */
export class NotReached extends Error {
  constructor(override readonly cause: Error) {
    super('skipped, because an earlier statement of the batch failed');
  }
}

/** Row decoders of the statements that a connection has prepared, by name. */
const prepared = new WeakMap<Connection, Map<string, RowReader>>();
const NO_COLUMNS = new RowReader([]);

/**
 * A batch of statements: one socket write with one Sync at the end, so that it costs one round trip and PostgreSQL skips
 * all statements after the first that fails. See
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING.
 */
export class StatementBatch implements Submittable {
  /** Called when the batch is done. The driver replaces it to add its query timeout. */
  callback: () => void;
  private known = new Map<string, RowReader>();
  /** Index of the statement whose result arrives now, and the result so far. */
  private at = 0;
  private rows: Record<string, unknown>[] = [];
  private size = 0;
  private isCut = false;
  private reader?: RowReader;
  private unreadable?: Error;

  constructor(
    private readonly statements: readonly Statement[],
    over: () => void,
  ) {
    this.callback = over;
  }

  submit = (connection: Connection): void => {
    this.known = knownTo(connection);
    connection.stream.cork();
    try {
      for (const statement of this.statements) this.write(connection, statement);
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
  };

  /** Skips Parse and Describe for a prepared statement. */
  private write(connection: Connection, { text, values, name = '' }: Statement): void {
    const isPrepared = this.known.has(name);
    if (!isPrepared) {
      // The server may have prepared it already: the first execution failed after Parse.
      if (name !== '') connection.close({ type: 'S', name }, true);
      connection.parse({ name, text, types: [] }, true);
    }
    connection.bind({ statement: name, values: [...values] }, true);
    if (!isPrepared) connection.describe({ type: 'P' }, true);
    connection.execute({}, true);
  }

  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.reader = new RowReader(fields);
  }

  handleDataRow({ fields }: { fields: RawRow }): void {
    const statement = this.statements[this.at];
    if (statement?.most !== undefined) {
      if (this.size > statement.most) {
        this.isCut = true;
        return;
      }
      for (const text of fields) this.size += text?.length ?? 0;
    }
    this.reader ??= this.known.get(statement?.name ?? '') ?? NO_COLUMNS;
    try {
      this.rows.push(this.reader.read(fields));
    } catch (error) {
      this.unreadable ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const { rows, isCut, unreadable, reader = NO_COLUMNS } = this;
    const statement = this.statements[this.at];
    const name = statement?.name ?? '';
    if (name !== '' && !this.known.has(name)) this.known.set(name, reader);
    this.at += 1;
    this.rows = [];
    this.size = 0;
    this.isCut = false;
    this.reader = this.unreadable = undefined;
    if (unreadable) statement?.fail(unreadable);
    else statement?.succeed({ rows, isCut, tag: text });
  }

  handleReadyForQuery(): void {
    this.callback();
  }

  /**
   * A server error belongs to the current statement; PostgreSQL skips the statements after it. Any other error, such as a
   * lost connection, fails all statements without a result.
   */
  handleError(error: Error): void {
    this.callback();
    const [failed, ...rest] = this.statements.slice(this.at);
    if (!failed) return;
    const failure = failureOf(failed, error);
    failed.fail(failure);
    const isOfServer = error instanceof pg.DatabaseError;
    for (const { fail } of rest) fail(isOfServer ? new NotReached(failure) : failure);
  }
}

function failureOf({ text, values, raceOn }: Statement, error: Error): Error {
  const failure = new QueryFailedError(text, [...values], error);
  if (raceOn === undefined || !(error instanceof pg.DatabaseError)) return failure;
  const { constraint, column, code } = error;
  return (constraint ?? column ?? code) === raceOn ? new LostRace(failure) : failure;
}

function knownTo(connection: Connection): Map<string, RowReader> {
  const known = prepared.get(connection);
  if (known) return known;
  const none = new Map<string, RowReader>();
  prepared.set(connection, none);
  return none;
}
