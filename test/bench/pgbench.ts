import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The statements of a case, as pgbench runs them; see https://www.postgresql.org/docs/current/pgbench.html. */
export const SCRIPTS: Record<string, string> = {
  route: 'route.sql',
  'route with key': 'route-with-key.sql',
};

/** How often per second Postgres does the statements of a case by itself; undefined where there is no pgbench. */
export async function pgbench(
  database: string,
  name: string,
  connections: number,
  seconds: number,
): Promise<number | undefined> {
  const script = SCRIPTS[name];
  if (script === undefined) return undefined;
  const file = fileURLToPath(new URL(script, import.meta.url));
  const how = ['--no-vacuum', '--protocol=prepared', `--client=${connections}`];
  const args = [...how, `--time=${Math.ceil(seconds)}`, `--file=${file}`, database];
  try {
    const { stdout } = await promisify(execFile)('pgbench', args);
    return Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
