/**
 * `npm run audit:export -- --out FOLDER`: writes the sealed log, or a range of it, as a bundle that verifies without the
 * database. Verifies the bundle, and exits with the code of `mesh-verify bundle`, or with 64 if it cannot run.
 */
import 'reflect-metadata';
import { exitCode, findingLine } from '../packages/verify/src/findings.js';
import { AuditHeadsRepository } from './audit-log/audit-heads.repository.js';
import { AuditLogRepository } from './audit-log/audit-log.repository.js';
import { AuditTilesRepository } from './audit-log/audit-tiles.repository.js';
import { BundleFolder } from './audit-log/export/bundle-folder.js';
import { EXPORT_USAGE, exportOptions } from './audit-log/export/export-options.js';
import { type ExportReport, LogExport } from './audit-log/export/log-export.js';
import { TrustedKeys } from './audit-log/verification/trusted-keys.js';
import { loadDatabaseEnvironment } from './config/load-environment.js';
import { TransactionsService } from './database/transactions.service.js';
import { runOperatorCommand } from './operator-command.js';

await runOperatorCommand('audit:export', EXPORT_USAGE, async (dataSource) => {
  const options = exportOptions(process.argv.slice(2));
  const keys = TrustedKeys.of(loadDatabaseEnvironment(), options.keys);
  const folder = await BundleFolder.create(options.out);
  const logExport = new LogExport(
    new AuditLogRepository(),
    new AuditTilesRepository(),
    new AuditHeadsRepository(),
    (origin) => keys.verifiers(origin),
  );
  const report = await new TransactionsService(dataSource).readSnapshot((manager) =>
    logExport.run(manager, folder, options),
  );
  process.stdout.write(
    options.isJson ? `${JSON.stringify(report)}\n` : textOf(report, keys, options.out),
  );
  return exitCode(report.findings);
});

function textOf(
  { origin, size, range, isPart, findings }: ExportReport,
  keys: TrustedKeys,
  out: string,
): string {
  const [key] = keys.verifiers(origin);
  const part = isPart ? ` --from ${range.from} --to ${range.to}` : '';
  const lines = [
    `log ${origin}: entries ${range.from} to ${range.to}, head of ${size} entries`,
    ...findings.map(findingLine),
    ...(findings.length === 0
      ? ['verified', `mesh-verify bundle ${out}${part} --key '${key?.vkey ?? ''}'`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
