/**
 * `npm run audit:verify`: compares the sealed log with the events and with heads that were kept outside. Exits with 0 if all
 * agree, 1 if the log or an event was changed, 2 if the log contradicts a head from outside, 3 if it is not complete, and
 * 64 if it cannot run.
 */
import 'reflect-metadata';
import { exitCode, findingLine } from '../packages/verify/src/findings.js';
import { AuditHeadsRepository } from './audit-log/audit-heads.repository.js';
import { AuditLogRepository } from './audit-log/audit-log.repository.js';
import { AuditTilesRepository } from './audit-log/audit-tiles.repository.js';
import { LogVerification } from './audit-log/verification/log-verification.js';
import { TrustedKeys } from './audit-log/verification/trusted-keys.js';
import { readNumber, readOptions, readRange } from './common/command-options.js';
import { loadDatabaseEnvironment } from './config/load-environment.js';
import { TransactionsService } from './database/transactions.service.js';
import { runOperatorCommand } from './operator-command.js';

const USAGE =
  'npm run audit:verify [-- --heads FOLDER --key VKEY --log ORIGIN --from ENTRY --to ENTRY --max-unsigned COUNT --json]';

await runOperatorCommand('audit:verify', USAGE, async (dataSource) => {
  const options = readOptions(process.argv.slice(2), {
    heads: { type: 'string' },
    key: { type: 'string', multiple: true },
    log: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    'max-unsigned': { type: 'string' },
    json: { type: 'boolean' },
  });
  const keys = TrustedKeys.of(loadDatabaseEnvironment(), options.key ?? []);
  const transactions = new TransactionsService(dataSource);
  await transactions.read((manager) => keys.follow(manager));
  const verification = new LogVerification(
    new AuditLogRepository(),
    new AuditTilesRepository(),
    new AuditHeadsRepository(),
    {
      heads: options.heads === undefined ? [] : keys.readHeads(options.heads),
      maxUnsigned: readNumber('max-unsigned', options['max-unsigned']) ?? Infinity,
      origin: options.log,
      range: readRange(options.from, options.to),
      open: (note, origin) => keys.open(note, origin),
      isRefused: (note, origin) => keys.isRefused(note, origin),
    },
  );
  const report = await transactions.readSnapshot((manager) => verification.run(manager));
  const lines =
    options.json === true
      ? [JSON.stringify(report)]
      : [
          ...report.notes,
          ...report.findings.map(findingLine),
          ...(report.findings.length === 0 ? ['verified'] : []),
        ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCode(report.findings);
});
