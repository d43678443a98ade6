import type { Client as Database } from 'pg';
import { tokenFor } from './app.js';
import { Client } from './client.js';
import { eventually } from './eventually.js';
import { violation, type Violation } from './history.js';

/** A resource as one line: its kind, id and status, and the version of a session. */
type Lines = string[];

interface Item {
  id: string;
  status: string;
  version?: number;
}

type Page = Partial<Record<string, Item[]>> & { next_cursor: string | null };

const LISTS = ['sessions', 'tasks', 'approvals'] as const;

const STORED = `
  SELECT 'sessions ' || id || ' ' || status || ' ' || version AS line FROM sessions
   UNION ALL SELECT 'tasks ' || task_id || ' ' || status FROM task_states
   UNION ALL SELECT 'approvals ' || id || ' ' || status FROM approvals`;

/** The resources that a controller returns with another state than the stored one, after the sweeps. */
export async function stateDifferences(
  db: Database,
  urls: readonly string[],
): Promise<Violation[]> {
  const found = await Promise.all(
    urls.map((url) =>
      eventually(
        () => stateDifference(db, url),
        (lines) => lines.length === 0,
      ),
    ),
  );
  return found.flat().map((line) => violation('every controller tells what is stored', line, ''));
}

async function stateDifference(db: Database, url: string): Promise<Lines> {
  const [returned, { rows }] = [await linesOf(url), await db.query<{ line: string }>(STORED)];
  const stored = new Set(rows.map(({ line }) => line));
  const missing = new Set(stored);
  const unexpected = returned.filter((line) => !stored.has(line));
  for (const line of returned) missing.delete(line);
  return [...unexpected, ...missing];
}

async function linesOf(url: string): Promise<Lines> {
  const auditor = new Client(url, tokenFor('auditor'));
  const lines: Lines = [];
  for (const list of LISTS) {
    const first = `/${list}?page_size=100&cursor=`;
    let path = first.replace('&cursor=', '');
    for (;;) {
      const { body } = await auditor.get<Page>(path);
      for (const { id, status, version } of body[list] ?? [])
        lines.push([list, id, status, ...(list === 'sessions' ? [version] : [])].join(' '));
      if (!body.next_cursor) break;
      path = first + encodeURIComponent(body.next_cursor);
    }
  }
  return lines;
}
