import { DataSource } from 'typeorm';
import { UsageError } from './common/usage-error.js';
import { migrationOptions } from './database/database-options.js';
import { NO_DATABASE, operatorDatabaseUrl } from './operator-database.js';

/** Exit codes of the commands for the audit log. */
export const EXIT = { ok: 0, invalid: 1, usage: 64 } as const;

/**
 * Runs a command on the database of the operator and sets the exit code of the process: the one that the command returns,
 * or 64 with a message if the command cannot run.
 */
export async function runOperatorCommand(
  name: string,
  usage: string,
  command: (dataSource: DataSource) => Promise<number>,
): Promise<void> {
  try {
    const url = operatorDatabaseUrl();
    if (url === undefined) throw new UsageError(NO_DATABASE);
    const dataSource = new DataSource(migrationOptions(url));
    await dataSource.initialize();
    try {
      process.exitCode = await command(dataSource);
    } finally {
      await dataSource.destroy();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message.replaceAll('\n', ' ') : 'failed';
    process.stderr.write(`${name}: ${reason}\n`);
    if (error instanceof UsageError) process.stderr.write(`usage: ${usage}\n`);
    process.exitCode = EXIT.usage;
  }
}
