import type { LogEntry } from './log-entry.js';
import type { ReplayState } from './replay-state.js';

/** Removes the content of rows, as an erasure does. */
export function dataErased(state: ReplayState, event: LogEntry): void {
  const { entry, metadata } = event;
  for (const id of idsOf(metadata.tasks)) state.tasks.get(id)?.empty(entry);
  for (const id of idsOf(metadata.sessions)) state.sessions.get(id)?.empty(entry);
  const approvals = new Set(idsOf(metadata.approvals));
  for (const id of approvals) {
    const approval = state.approvals.get(id);
    approval?.empty(entry);
    approval?.set(event, { digest: null });
  }
  for (const votes of approvals.size > 0 ? [state.votes, state.renewals] : [])
    for (const vote of votes.values()) {
      if (approvals.has(String(vote.get('approval_id')))) vote.empty(entry);
    }
  for (const id of idsOf(metadata.notes)) {
    const approval = state.approvals.get(id);
    // Payload and reason remain, but no commitment is to them alone.
    if (approval) approval.content = undefined;
  }
}

function idsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
