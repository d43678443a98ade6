/**
 * `npm run audit:erase`: erases the personal parts of audit events, and the content of the rows that belong to them. Exits
 * with 64 if it cannot run; it then has changed nothing.
 */
import 'reflect-metadata';
import { erase } from './erasure/erasure.js';
import { ERASE_USAGE, erasureOf } from './erasure/erasure-selection.js';
import { erasureLines } from './erasure/erasure-text.js';
import { EXIT, runOperatorCommand } from './operator-command.js';

await runOperatorCommand('audit:erase', ERASE_USAGE, async (dataSource) => {
  const erasure = erasureOf(process.argv.slice(2));
  const report = await erase(dataSource, erasure);
  process.stdout.write(`${erasureLines(report, erasure.isDryRun).join('\n')}\n`);
  return EXIT.ok;
});
