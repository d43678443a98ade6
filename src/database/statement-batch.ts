import pg, { type Connection, type Submittable } from 'pg';
import { QueryFailedError } from 'typeorm';
import { LostRace } from './postgres-errors.js';
import { type Field, type RawRow, RowReader } from './row-reader.js';

/** What is sent to Postgres, and who is told what came of it. */
export interface Statement {
  readonly text: string;
  /** As they are sent: nothing that could still fail to be written. */
  readonly values: readonly (string | Buffer | null)[];
  /** Of the prepared statement; undefined: parsed for this once. */
  readonly name: string | undefined;
  /**
   * The constraint, or the column that must not be null, that it violates when somebody else was first; or else the
   * SQLSTATE that it fails with then.
   */
  readonly raceOn: string | undefined;
  /** How much text its rows may have, in characters; what comes after the row that goes beyond it is not kept. */
  readonly most: number | undefined;
  readonly succeed: (result: Result) => void;
  readonly fail: (error: Error) => void;
}

export interface Result {
  readonly rows: Record<string, unknown>[];
  /** Whether there were more rows than were kept. */
  readonly isCut: boolean;
  /** Such as `INSERT 0 1`. */
  readonly tag: string;
}

/** The statement was not carried out, since one before it failed with `cause`. */
export class NotReached extends Error {
  constructor(override readonly cause: Error) {
    super('a statement before it failed');
  }
}

/** How the rows read of the statements that a connection has prepared. */
const prepared = new WeakMap<Connection, Map<string, RowReader>>();
const NO_COLUMNS = new RowReader([]);

/**
 * Several statements in one flight: written together, with one Sync at the end, so that they cost one round trip and
 * one write, and so that Postgres skips what follows the first that fails. See
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING.
 */
export class StatementBatch implements Submittable {
  /** Called when it is over; the driver puts its own time limit around it. */
  callback: () => void;
  private known = new Map<string, RowReader>();
  /** The statement that the server is at, and what has come of it. */
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

  /** What is prepared is neither parsed nor described again. */
  private write(connection: Connection, { text, values, name = '' }: Statement): void {
    const isPrepared = this.known.has(name);
    if (!isPrepared) {
      // It may be prepared all the same, when it failed the first time.
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

  /** An error of the server is that of the statement it is at; any other may have come at any time. */
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
