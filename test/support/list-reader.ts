import { setTimeout as sleep } from 'node:timers/promises';
import { tokenFor } from './app.js';
import { type Answer, type CallOptions, Client } from './client.js';
import { violation, type Violation } from './history.js';
import type { Random } from './random.js';

export const LISTS = ['tasks', 'sessions', 'approvals', 'audit/events'] as const;

export type ListPath = (typeof LISTS)[number];

interface Page {
  readonly tasks?: Item[];
  readonly sessions?: Item[];
  readonly approvals?: Item[];
  readonly events?: Item[];
  readonly next_cursor: string | null;
  readonly errors?: { readonly pointer: string }[];
}

interface Item {
  readonly id: string;
}

const NDJSON = { accept: 'application/x-ndjson' };
const PAUSE_MS = 50;

/**
 * An auditor that reads the lists with their cursors, each page from any instance, and exports the audit log.
 *
 * An instance of the previous version can respond with 500 once for each connection after a migration: it binds the
 * parameters of a list again when it prepares the statement again. Instances of this version must not.
 */
export class ListReader {
  readonly violations: Violation[] = [];
  reads = 0;

  constructor(
    private readonly random: Random,
    private readonly urls: () => readonly string[],
    private readonly isPrevious: (url: string) => boolean,
  ) {}

  async run(isOpen: () => boolean): Promise<void> {
    while (isOpen()) {
      await this.read(this.random.pick(LISTS));
      if (this.random.chance(0.1)) await this.export();
      await sleep(PAUSE_MS);
    }
  }

  private async read(list: ListPath): Promise<void> {
    for (let cursor: string | null = '', pages = 0; cursor !== null && pages < 3; pages += 1) {
      const answer = await this.get(list, pathOf(list, 10, cursor));
      cursor = answer.status === 200 ? answer.body.next_cursor : null;
    }
  }

  private async export(): Promise<void> {
    await this.get('export', '/audit/events', { headers: NDJSON });
  }

  private async get(about: string, path: string, options: CallOptions = {}): Promise<Answer<Page>> {
    const url = this.random.pick(this.urls());
    const isPrevious = this.isPrevious(url);
    const auditor = new Client(url, tokenFor('auditor', 'list-reader'));
    const answer: Answer<Page> = await auditor.get<Page>(path, options);
    const { status, text } = answer;
    this.reads += 1;
    if (status === 500 && isPrevious) return answer;
    if (status !== 200 && status !== 503 && !isRefusedCursor(answer))
      this.violations.push(violation('lists are readable', about, `${status} ${text}`));
    return answer;
  }
}

/**
 * The ids of a list of which instance after instance returns a page. An instance can refuse a cursor of another version, as
 * long as it does so clearly; then the instance that issued the cursor returns the next page too.
 */
export async function listedAcross(list: ListPath, urls: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  const auditors = urls.map((url) => new Client(url, tokenFor('auditor', 'list-reader')));
  let cursor = '';
  for (let turn = 0; ; turn += 1) {
    const answer = await auditors[turn % auditors.length]?.get<Page>(pathOf(list, 50, cursor));
    if (answer && isRefusedCursor(answer) && urls.length > 1) continue;
    if (answer?.status !== 200) throw new Error(`${list}: ${answer?.status} ${answer?.text}`);
    const { tasks, sessions, approvals, events, next_cursor } = answer.body;
    const items = tasks ?? sessions ?? approvals ?? events ?? [];
    ids.push(...items.map(({ id }) => id));
    if (next_cursor === null || items.length === 0) return ids;
    cursor = next_cursor;
  }
}

function isRefusedCursor({ status, body }: Answer<Page>): boolean {
  return status === 400 && body.errors?.[0]?.pointer === '?cursor';
}

function pathOf(list: ListPath, size: number, cursor: string): string {
  return `/${list}?page_size=${size}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
}
