import { AbstractLogger } from 'typeorm';
import type { TestApp } from './app.js';

export interface Statement {
  text: string;
  parameters: unknown[];
}

/** How Postgres carries a statement out. */
export interface Plan {
  /** The indexes that it goes through, and the tables that it reads whole, as `Seq Scan on tasks`. */
  ways: string[];
  /** Whether it sorts what it has found, instead of finding it in its order. */
  sorts: boolean;
  /** Number of rows that the scan which reads most rows of a table or an index has read. */
  rowsRead: number;
  ms: number;
}

/** The statements that something sends to the database. */
export async function statementsOf(
  { dataSource }: TestApp,
  act: () => Promise<unknown>,
): Promise<Statement[]> {
  const before = dataSource.logger;
  const recorder = new Recorder();
  dataSource.logger = recorder;
  try {
    await act();
  } finally {
    dataSource.logger = before;
  }
  return recorder.statements;
}

/** Runs a statement as Postgres explains it, and undoes what it did. */
export async function explain(
  { dataSource }: TestApp,
  { text, parameters }: Statement,
): Promise<Plan> {
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  try {
    const [row] = (await runner.query(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
      parameters,
    )) as Explained[];
    const [explained] = row?.['QUERY PLAN'] ?? [];
    if (!explained) throw new Error('nothing was explained');
    const nodes = nodesOf(explained.Plan);
    return {
      ways: nodes.flatMap(wayOf),
      sorts: nodes.some((node) => node['Node Type'].endsWith('Sort')),
      rowsRead: Math.max(0, ...nodes.map(rowsReadBy)),
      ms: explained['Execution Time'],
    };
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
}

interface Explained {
  'QUERY PLAN': { Plan: PlanNode; 'Execution Time': number }[];
}

interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

function wayOf(node: PlanNode): string[] {
  if (node['Index Name'] !== undefined) return [node['Index Name']];
  return node['Node Type'] === 'Seq Scan' ? [`Seq Scan on ${node['Relation Name'] ?? '?'}`] : [];
}

function rowsReadBy(node: PlanNode): number {
  if (!/Scan$/.test(node['Node Type']) || !('Relation Name' in node || 'Index Name' in node))
    return 0;
  const rows = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
  return rows * node['Actual Loops'];
}

class Recorder extends AbstractLogger {
  readonly statements: Statement[] = [];

  override logQuery(text: string, parameters: unknown[] = []): void {
    this.statements.push({ text, parameters });
  }

  protected override writeLog(): void {
    // Only statements matter here.
  }
}
