/**
 * `npm run audit:archive`: moves the entries of the sealed log that are older than `AUDIT_RETENTION_DAYS` into archives, and
 * deletes their events. Exits with 0 if all of them are archived, with the code of the findings of an archive, with 3 if an
 * archive is missing or its record is not signed yet, and with 64 if it cannot run.
 */
import 'reflect-metadata';
import { exitCode, findingLine } from '../packages/verify/src/findings.js';
import { ARCHIVE_USAGE, archiveOptions } from './audit-log/archive/archive-options.js';
import { type ArchiveReport, LogArchive } from './audit-log/archive/log-archive.js';
import { LogArchiveRepository } from './audit-log/archive/log-archive.repository.js';
import { AuditHeadsRepository } from './audit-log/audit-heads.repository.js';
import { AuditLogRepository } from './audit-log/audit-log.repository.js';
import { AuditTilesRepository } from './audit-log/audit-tiles.repository.js';
import { LogExport } from './audit-log/export/log-export.js';
import { TrustedKeys } from './audit-log/verification/trusted-keys.js';
import { loadDatabaseEnvironment } from './config/load-environment.js';
import { TransactionsService } from './database/transactions.service.js';
import { runOperatorCommand } from './operator-command.js';

/** Longer than a controller takes to seal an event and to sign a head, by default. */
const WAIT_MS = 30_000;

await runOperatorCommand('audit:archive', ARCHIVE_USAGE, async (dataSource) => {
  const environment = loadDatabaseEnvironment();
  const options = archiveOptions(process.argv.slice(2), environment);
  const keys = TrustedKeys.of(environment, options.keys);
  const logs = new AuditLogRepository();
  const archive = new LogArchive(
    new TransactionsService(dataSource),
    logs,
    new LogArchiveRepository(),
    new LogExport(logs, new AuditTilesRepository(), new AuditHeadsRepository(), (origin) =>
      keys.verifiers(origin),
    ),
    { ...options, hasAnchors: environment.AUDIT_ANCHORS.length > 0, waitMs: WAIT_MS },
  );
  const report = await archive.run();
  process.stdout.write(
    options.isJson ? `${JSON.stringify(report)}\n` : textOf(report, options.isDryRun),
  );
  return exitCode(report.findings);
});

function textOf({ parts, findings }: ArchiveReport, isDryRun: boolean): string {
  const lines = [
    ...parts.map(({ origin, from, to, folder }) =>
      isDryRun
        ? `log ${origin}: would archive the entries ${from} to ${to} in ${folder}`
        : `log ${origin}: archived the entries ${from} to ${to} in ${folder}`,
    ),
    ...findings.map(findingLine),
    ...(parts.length + findings.length === 0
      ? ['Nothing to archive: no month of the log is old enough.']
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
