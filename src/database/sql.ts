import type { EntityManager } from 'typeorm';

/**
 * Runs one SQL statement and gives its rows, whatever kind of statement it is
 * (TypeORM's own `query` answers `[rows, count]` for some).
 */
export async function sql<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  if (!manager.queryRunner) throw new Error('sql() needs the manager of a connection');
  const result = await manager.queryRunner.query(text, [...parameters], true);
  return result.records as Row[];
}
