/**
 * `npm run audit:replay`: replays the audit log and compares the result with the tables. Exits with 1 if they differ, and
 * with 64 if it cannot run.
 */
import 'reflect-metadata';
import { UsageError } from './common/usage-error.js';
import { EXIT, runOperatorCommand } from './operator-command.js';
import { replayLog } from './replay/replay.js';
import { replayLines } from './replay/replay-text.js';

await runOperatorCommand('audit:replay', 'npm run audit:replay [-- --json]', async (dataSource) => {
  const [option, ...more] = process.argv.slice(2);
  if (more.length > 0 || (option !== undefined && option !== '--json'))
    throw new UsageError(`${more[0] ?? option ?? ''} is not an option`);
  const report = await replayLog(dataSource);
  const lines = option === '--json' ? [JSON.stringify(report)] : replayLines(report);
  process.stdout.write(`${lines.join('\n')}\n`);
  return report.count === 0 ? EXIT.ok : EXIT.invalid;
});
