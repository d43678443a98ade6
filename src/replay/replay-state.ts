import { withPrefix } from '../common/ids.js';
import { ExpectedRow } from './expected-row.js';
import type { LogEntry } from './log-entry.js';

/** A difference between the audit log and the tables, or a step that the controller does not make. */
export interface Finding {
  readonly text: string;
  /** Place in the log of the event with which the row was compared; null if there is none. */
  readonly entry: number | null;
}

/** Most findings that are kept. More are counted. */
const MAX_FINDINGS = 1_000;

/** The findings of a replay, in the order in which they were made. */
class Findings {
  readonly list: Finding[] = [];
  count = 0;

  add(text: string, entry: number | null): void {
    this.count += 1;
    if (this.list.length < MAX_FINDINGS) this.list.push({ text, entry });
  }
}

/** Rows of one table, by their keys. */
export type ExpectedRows = Map<string, ExpectedRow>;

/** The rows of the tables as the audit log records them. */
export class ReplayState {
  readonly tasks: ExpectedRows = new Map();
  readonly sessions: ExpectedRows = new Map();
  readonly approvals: ExpectedRows = new Map();
  /** By {@link voteKey}. */
  readonly votes: ExpectedRows = new Map();
  /** By {@link voteKey} and the time. */
  readonly renewals: ExpectedRows = new Map();
  /** The ids of approvals with votes of unknown subjects. */
  readonly approvalsWithErasedVotes = new Set<string>();
  /** The id of the latest attempt of each task. */
  readonly latestAttempts = new Map<string, string>();
  readonly findings = new Findings();

  /** Opens the row of an event. */
  open(rows: ExpectedRows, name: string, id: string, { entry }: LogEntry): ExpectedRow {
    if (rows.has(id)) this.findings.add(`${name}: the log opens it twice`, entry);
    const row = new ExpectedRow(name, entry);
    rows.set(id, row);
    return row;
  }

  /** Returns the row of an event's session. If no event opens it, it is older than the events of this version. */
  session(event: LogEntry): ExpectedRow {
    return known(this.sessions, 'session', event.session_id ?? '', event);
  }

  /** Like {@link session}, for the approval of an event. */
  approval(event: LogEntry): ExpectedRow {
    return known(this.approvals, 'approval', event.approval_id ?? '', event);
  }
}

function known(
  rows: ExpectedRows,
  kind: 'session' | 'approval',
  id: string,
  { entry }: LogEntry,
): ExpectedRow {
  const found = rows.get(id);
  if (found) return found;
  const row = new ExpectedRow(withPrefix(kind, id), entry);
  row.isOld = true;
  rows.set(id, row);
  return row;
}

/** Returns the key of a vote. */
export function voteKey(approvalId: string, subject: string): string {
  return `${approvalId} ${subject}`;
}
