import pg, { type Connection, type Submittable } from 'pg';
import { QueryFailedError } from 'typeorm';
import { type ConflictOn, isConflict } from './conflict.js';
import { ConcurrentUpdateError } from '../postgres-errors.js';
import { type Field, type RawRow, RowDecoder } from './row-decoder.js';

/** A statement with its parameters and the callbacks for its result. */
export interface Statement {
  readonly text: string;
  /** Parameters in wire format, so that their conversion cannot fail while the batch is written. */
  readonly values: readonly (string | Buffer | null)[];
  /** Name of the prepared statement; undefined if the statement is not prepared. */
  readonly name: string | undefined;
  /** The failure that is a conflict with a concurrent transaction. */
  readonly conflictOn: ConflictOn | undefined;
  /** Limit of its rows in characters. Rows after the one that exceeds the limit are discarded. */
  readonly maxChars: number | undefined;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

export interface Result {
  readonly rows: Record<string, unknown>[];
  /** Whether rows were discarded. */
  readonly isTruncated: boolean;
  /** Command tag, such as `INSERT 0 1`. */
  readonly tag: string;
}

/** PostgreSQL skipped the statement, because an earlier statement of the batch failed with `cause`. */
export class SkippedStatementError extends Error {
  constructor(override readonly cause: Error) {
    super('skipped, because an earlier statement of the batch failed');
  }
}

/** Row decoders of the statements that a connection has prepared, by name. */
const prepared = new WeakMap<Connection, Map<string, RowDecoder>>();
const NO_COLUMNS = new RowDecoder([]);

/**
 * A batch of statements: one socket write with one Sync at the end, so that it costs one round trip and PostgreSQL skips
 * all statements after the first that fails. See
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING.
 */
export class StatementBatch implements Submittable {
  /** Called when the batch is done. The driver replaces it to add its query timeout. */
  callback: () => void;
  private decoders = new Map<string, RowDecoder>();
  /** Index of the statement whose result arrives now, and the result so far. */
  private index = 0;
  private rows: Record<string, unknown>[] = [];
  private size = 0;
  private isTruncated = false;
  private decoder?: RowDecoder;
  private decodeError?: Error;

  constructor(
    private readonly statements: readonly Statement[],
    over: () => void,
  ) {
    this.callback = over;
  }

  submit = (connection: Connection): void => {
    this.decoders = decodersOf(connection);
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
    const isPrepared = this.decoders.has(name);
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
    this.decoder = new RowDecoder(fields);
  }

  handleDataRow({ fields }: { fields: RawRow }): void {
    const statement = this.statements[this.index];
    if (statement?.maxChars !== undefined) {
      if (this.size > statement.maxChars) {
        this.isTruncated = true;
        return;
      }
      for (const text of fields) this.size += text?.length ?? 0;
    }
    this.decoder ??= this.decoders.get(statement?.name ?? '') ?? NO_COLUMNS;
    try {
      this.rows.push(this.decoder.decode(fields));
    } catch (error) {
      this.decodeError ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const { rows, isTruncated, decodeError, decoder = NO_COLUMNS } = this;
    const statement = this.statements[this.index];
    const name = statement?.name ?? '';
    if (name !== '' && !this.decoders.has(name)) this.decoders.set(name, decoder);
    this.index += 1;
    this.rows = [];
    this.size = 0;
    this.isTruncated = false;
    this.decoder = this.decodeError = undefined;
    if (decodeError) statement?.reject(decodeError);
    else statement?.resolve({ rows, isTruncated, tag: text });
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
    const [failed, ...rest] = this.statements.slice(this.index);
    if (!failed) return;
    const failure = failureOf(failed, error);
    failed.reject(failure);
    const isOfServer = error instanceof pg.DatabaseError;
    for (const { reject } of rest)
      reject(isOfServer ? new SkippedStatementError(failure) : failure);
  }
}

function failureOf({ text, values, conflictOn }: Statement, error: Error): Error {
  const failure = new QueryFailedError(text, [...values], error);
  if (conflictOn === undefined || !(error instanceof pg.DatabaseError)) return failure;
  return isConflict(error, conflictOn) ? new ConcurrentUpdateError(failure) : failure;
}

function decodersOf(connection: Connection): Map<string, RowDecoder> {
  const known = prepared.get(connection);
  if (known) return known;
  const none = new Map<string, RowDecoder>();
  prepared.set(connection, none);
  return none;
}
