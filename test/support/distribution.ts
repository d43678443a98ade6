import { normalized, type SourceStatement } from './sql-statements.js';

/**
 * Where Citus would put a table:
 * - `task`: distributed by the id of the task, colocated with the other tables of tasks
 * - `request`: distributed by the scope of the idempotency key
 * - `reference`: a copy on each node
 * - `local`: on the coordinator only
 */
export type Group = 'task' | 'request' | 'reference' | 'local';

export type Placement =
  { group: 'task' | 'request'; column: string } | { group: 'reference' | 'local' };

/** The placement of each table. docs/operations/scaling.md#citus shows it. */
export const PLACEMENTS: Readonly<Record<string, Placement>> = {
  tasks: { group: 'task', column: 'id' },
  sessions: { group: 'task', column: 'task_id' },
  approvals: { group: 'task', column: 'task_id' },
  approval_votes: { group: 'task', column: 'task_id' },
  vote_renewals: { group: 'task', column: 'task_id' },
  task_approvers: { group: 'task', column: 'task_id' },
  approver_sessions: { group: 'task', column: 'task_id' },
  approval_readers: { group: 'task', column: 'task_id' },
  audit_events: { group: 'task', column: 'task_id' },
  audit_event_readers: { group: 'task', column: 'task_id' },
  push_configs: { group: 'task', column: 'task_id' },
  idempotency_records: { group: 'request', column: 'scope' },
  subject_roles: { group: 'reference' },
  role_losses: { group: 'reference' },
  seen_roles: { group: 'reference' },
  role_pauses: { group: 'reference' },
  service_heartbeat: { group: 'reference' },
  deployment: { group: 'reference' },
  event_log: { group: 'local' },
  event_log_head: { group: 'local' },
  event_log_epochs: { group: 'local' },
  audit_log: { group: 'local' },
  audit_tiles: { group: 'local' },
  audit_heads: { group: 'local' },
  webhooks: { group: 'local' },
  webhook_deliveries: { group: 'local' },
  webhook_attempts: { group: 'local' },
};

/** Views, and the tables that they read. The test compares them with the database. */
export type Views = Readonly<Record<string, readonly string[]>>;

export interface UniqueIndex {
  table: string;
  name: string;
  /** Its columns; an expression is null. */
  columns: readonly (string | null)[];
}

export interface ForeignKey {
  table: string;
  name: string;
  columns: readonly string[];
  target: string;
  targetColumns: readonly string[];
}

/** Whether each node can check a unique index alone: each shard has all rows of a value of the distribution column. */
export function isUniqueInShard({ table, columns }: UniqueIndex): boolean {
  const column = distributionColumn(table);
  return column === undefined || columns.includes(column);
}

/** Whether Citus accepts a foreign key: within one shard, to a reference table, or between tables of the coordinator. */
export function isKeyInGroup({ table, columns, target, targetColumns }: ForeignKey): boolean {
  const [from, to] = [placementOf(table), placementOf(target)];
  if ('column' in from && 'column' in to) {
    const place = columns.indexOf(from.column);
    return from.group === to.group && place >= 0 && targetColumns[place] === to.column;
  }
  if ('column' in from) return to.group === 'reference';
  return !('column' in to);
}

const LOCKS =
  /\bFOR (?:NO KEY UPDATE|KEY SHARE|UPDATE|SHARE)\b|\bLOCK TABLE\b|\bpg_(?:try_)?advisory_\w+/;

/** Whether a statement locks rows, tables, or numbers. */
export function locks({ text }: Pick<SourceStatement, 'text'>): boolean {
  return LOCKS.test(text);
}

/** Whether a statement reads or changes the rows of one value of the distribution column, so that one shard runs it. */
export function isConfined({ text }: Pick<SourceStatement, 'text'>, views: Views): boolean {
  return tablesOf({ text }, views).some((table) => {
    const column = distributionColumn(table);
    if (column === undefined) return false;
    const alias = aliasesOf(text, table).map((name) => `${name}\\.`);
    const owner = `(?:${[...alias, `${table}\\.`].join('|')})`;
    if (new RegExp(`${owner}${column} = \\$`).test(text)) return true;
    return column === 'id'
      ? new RegExp(`\\b(?:FROM|UPDATE) ${table} WHERE id = \\$`).test(text)
      : new RegExp(`[ (]${column} = \\$`).test(text);
  });
}

/** Whether all tables of a statement are in the groups that a placement allows to combine: one group, and references. */
export function groupsOf(statement: Pick<SourceStatement, 'text'>, views: Views): Group[] {
  const groups = tablesOf(statement, views).map((table) => placementOf(table).group);
  return [...new Set(groups)].filter((group) => group !== 'reference').sort();
}

/** Returns the tables that a statement reads or changes, also through views. */
export function tablesOf({ text }: Pick<SourceStatement, 'text'>, views: Views): string[] {
  const names = [...Object.keys(PLACEMENTS), ...Object.keys(views)];
  const used = names.filter((name) =>
    new RegExp(
      `(?:\\b(?:FROM|JOIN|INTO|UPDATE|USING|TABLE)|,) ${name}\\b(?! ?[.:])|(?:^|\\n)${name}(?: (?:AS )?\\w+)?(?:$|\\n| JOIN| LEFT| CROSS)`,
    ).test(text),
  );
  return [...new Set(used.flatMap((name) => views[name] ?? [name]))];
}

/** Returns the body of a trigger function in the form of a statement. */
export function toStatement(site: string, body: string): SourceStatement {
  return { site, text: normalized(body) };
}

export function placementOf(table: string): Placement {
  const placement = PLACEMENTS[table];
  if (!placement)
    throw new Error(`The table ${table} has no placement in test/support/distribution.ts.`);
  return placement;
}

function distributionColumn(table: string): string | undefined {
  const placement = placementOf(table);
  return 'column' in placement ? placement.column : undefined;
}

const KEYWORDS =
  /^(?:WHERE|SET|ON|JOIN|LEFT|CROSS|ORDER|GROUP|LIMIT|FOR|UNION|IN|USING|AS|RETURNING|SELECT|VALUES)$/i;

function aliasesOf(text: string, table: string): string[] {
  return [...text.matchAll(new RegExp(`\\b${table} (?:AS )?(\\w+)`, 'g'))]
    .map(([, alias = '']) => alias)
    .filter((alias) => !KEYWORDS.test(alias));
}
