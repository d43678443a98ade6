import type { LogEntry } from './log-entry.js';

/** The commitment of an event to the content of a row. */
interface CommittedContent {
  readonly salt: string;
  readonly digest: unknown;
}

/** Columns whose values the log contains as a commitment. `empty`: the values of a new session, or after an erasure. */
export type ExpectedContent = CommittedContent | 'empty';

/** A row as the audit log records it: the value of each column that the log contains, and the entry that set it. */
export class ExpectedRow {
  /** Undefined if the log has no commitment to the content. */
  content: ExpectedContent | undefined;
  contentEntry: number | null = null;
  /** Whether a version of the controller that records no facts recorded the row, or a change of it. */
  isOld = false;
  /** Of the vote of a decision: its approval, which has the same notes. */
  notesOf: ExpectedRow | undefined;
  private readonly values: Record<string, unknown> = {};
  private readonly entries: Record<string, number | null> = {};

  /**
   * @param name the row in a finding
   * @param firstEntry the entry that opens it
   */
  constructor(
    readonly name: string,
    readonly firstEntry: number | null,
  ) {}

  /** Sets columns. A column that is undefined is not compared: the log does not contain its value. */
  set({ entry }: LogEntry, columns: Readonly<Record<string, unknown>>): void {
    for (const [column, value] of Object.entries(columns)) {
      this.values[column] = value;
      this.entries[column] = entry;
    }
  }

  /** Sets the content to which an event commits. Without a commitment in the event, the content stays. */
  setContent({ entry, salt, metadata }: LogEntry): void {
    if (metadata.content === undefined) return;
    // The salt was erased: the commitment cannot be opened.
    this.content = salt === null ? undefined : { salt, digest: metadata.content };
    this.contentEntry = entry;
  }

  /** Removes the content, as an erasure does. */
  empty(entry: number | null): void {
    this.content = 'empty';
    this.contentEntry = entry;
    this.notesOf = undefined;
  }

  get(column: string): unknown {
    return this.values[column];
  }

  entryOf(column: string): number | null {
    return this.entries[column] ?? null;
  }
}
