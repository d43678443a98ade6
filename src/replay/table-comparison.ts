import { commit } from '../../packages/verify/src/leaf.js';
import { structuralDigest } from '../common/json-digest.js';
import { withPrefix } from '../common/ids.js';
import type { ExpectedRow } from './expected-row.js';
import { type ExpectedRows, type ReplayState, voteKey } from './replay-state.js';
import type { ReplayedTable, StoredRow } from './replay.repository.js';

/** How the rows of a table are compared with the log. */
interface Comparison {
  readonly rowsOf: (state: ReplayState) => ExpectedRows;
  readonly keyOf: (row: StoredRow) => string;
  /** Names a row of which the log has no event. */
  readonly nameOf: (row: StoredRow) => string;
  /** The time at which a row began. */
  readonly beganAt: (row: StoredRow) => unknown;
  /** The columns to whose values the log commits. Their values are never printed. */
  readonly content: readonly string[];
  /** The content of a new session, and of any row after an erasure. */
  readonly empty: Readonly<Record<string, unknown>>;
  /** The columns that are compared if a version without facts recorded the row. */
  readonly ofOldRows: readonly string[];
}

const vote = (
  rowsOf: (state: ReplayState) => ExpectedRows,
  time: string,
  keyOf: (row: StoredRow) => string,
): Comparison => ({
  rowsOf,
  keyOf,
  nameOf: ({ approval_id, subject }) => voteName(approval_id, subject),
  beganAt: (row) => row[time],
  content: ['notes'],
  empty: { notes: '' },
  ofOldRows: ['decision'],
});

const COMPARISONS: Record<ReplayedTable, Comparison> = {
  tasks: {
    rowsOf: ({ tasks }) => tasks,
    keyOf: ({ id }) => String(id),
    nameOf: ({ id }) => withPrefix('task', String(id)),
    beganAt: ({ created_at }) => created_at,
    content: ['description', 'data', 'context'],
    empty: { description: '', data: {}, context: {} },
    ofOldRows: [],
  },
  sessions: {
    rowsOf: ({ sessions }) => sessions,
    keyOf: ({ id }) => String(id),
    nameOf: ({ id }) => withPrefix('session', String(id)),
    beganAt: ({ created_at }) => created_at,
    content: ['metadata', 'result', 'error'],
    empty: { metadata: {}, result: null, error: null },
    ofOldRows: ['status', 'version'],
  },
  approvals: {
    rowsOf: ({ approvals }) => approvals,
    keyOf: ({ id }) => String(id),
    nameOf: ({ id }) => withPrefix('approval', String(id)),
    beganAt: ({ created_at }) => created_at,
    content: ['payload', 'reason', 'notes'],
    empty: { payload: null, reason: '', notes: '' },
    ofOldRows: ['status'],
  },
  approval_votes: vote(
    ({ votes }) => votes,
    'created_at',
    ({ approval_id, subject }) => voteKey(String(approval_id), String(subject)),
  ),
  vote_renewals: vote(
    ({ renewals }) => renewals,
    'renewed_at',
    (row) => `${voteKey(String(row.approval_id), String(row.subject))} ${String(row.renewed_at)}`,
  ),
};

/** Compares the rows of one table with the log. */
export class TableComparison {
  compared = 0;
  /** Rows that a version without facts recorded, of which only a part is compared. */
  old = 0;
  private readonly comparison: Comparison;
  private readonly expected: ExpectedRows;

  /** @param logBeganAt the time of the first event. Older rows have no events. */
  constructor(
    table: ReplayedTable,
    private readonly state: ReplayState,
    private readonly logBeganAt: string,
  ) {
    this.comparison = COMPARISONS[table];
    this.expected = this.comparison.rowsOf(state);
  }

  /** Compares one row. Each row is compared once. */
  add(row: StoredRow): void {
    const { keyOf, nameOf, beganAt } = this.comparison;
    const key = keyOf(row);
    const expected = this.expected.get(key);
    if (!expected) {
      const isErased = this.state.approvalsWithErasedVotes.has(String(row.approval_id));
      if (isErased || String(beganAt(row)) < this.logBeganAt) this.old += 1;
      else this.state.findings.add(`${nameOf(row)}: the log has no event of this row`, null);
      return;
    }
    this.expected.delete(key);
    if (expected.isOld) this.old += 1;
    else this.compared += 1;
    this.compareColumns(row, expected);
    if (!expected.isOld) this.compareContent(row, expected);
  }

  /** Finds the rows of the log that the table does not have. Call it after all rows. */
  end(): void {
    for (const { name, firstEntry } of this.expected.values())
      this.state.findings.add(`${name}: the row of the log is missing`, firstEntry);
  }

  private compareColumns(row: StoredRow, expected: ExpectedRow): void {
    const { content, ofOldRows } = this.comparison;
    const columns = expected.isOld ? ofOldRows : Object.keys(row);
    for (const column of columns) {
      const value = expected.get(column);
      if (value === undefined || content.includes(column) || isEqual(row[column], value)) continue;
      const difference = `${column} is ${shown(row[column])}, the log has ${shown(value)}`;
      this.state.findings.add(`${expected.name}: ${difference}`, expected.entryOf(column));
    }
  }

  private compareContent(row: StoredRow, expected: ExpectedRow): void {
    const { content: names } = this.comparison;
    const content = Object.fromEntries(names.map((name) => [name, row[name]]));
    if (this.isExpected(content, row, expected)) return;
    const isEmpty = expected.content === 'empty';
    const difference = isEmpty ? 'the log has none' : 'the log has another commitment';
    this.state.findings.add(
      `${expected.name}: ${names.join(', ')}: ${difference}`,
      expected.contentEntry ?? expected.firstEntry,
    );
  }

  private isExpected(content: StoredRow, row: StoredRow, expected: ExpectedRow): boolean {
    // An approval that is missing is a finding of its own.
    if (expected.notesOf) return row.approval_notes === null || row.notes === row.approval_notes;
    if (expected.content === undefined) return true;
    if (expected.content === 'empty') return isEqual(content, this.comparison.empty);
    const { salt, digest } = expected.content;
    return commit(salt, 'content', content).digest === digest;
  }
}

function voteName(approvalId: unknown, subject: unknown): string {
  return `${withPrefix('approval', String(approvalId))} vote of ${String(subject)}`;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  return structuralDigest(a).equals(structuralDigest(b));
}

function shown(value: unknown): string {
  return JSON.stringify(value);
}
