/**
 * `npm run audit:recover -- --accept-loss`: continues a sealed log that has diverged from its published heads under another
 * name. Exits with 64 if it cannot run; it then has changed nothing.
 */
import 'reflect-metadata';
import { AuditHeadsRepository } from './audit-log/audit-heads.repository.js';
import { AuditLogRepository } from './audit-log/audit-log.repository.js';
import { AuditTilesRepository } from './audit-log/audit-tiles.repository.js';
import { HeadCheckService } from './audit-log/head-check.service.js';
import { KnownHeadsService } from './audit-log/known-heads.service.js';
import { LogRecovery } from './audit-log/recovery/log-recovery.js';
import { LogRecoveryRepository } from './audit-log/recovery/log-recovery.repository.js';
import { RECOVER_USAGE, recoveryOptions } from './audit-log/recovery/recovery-options.js';
import { SigningKeyService } from './audit-log/signing-key.service.js';
import { TrustedKeys } from './audit-log/verification/trusted-keys.js';
import { loadDatabaseEnvironment } from './config/load-environment.js';
import { TransactionsService } from './database/transactions.service.js';
import { EventLogRepository } from './events/event-log.repository.js';
import { EXIT, runOperatorCommand } from './operator-command.js';

await runOperatorCommand('audit:recover', RECOVER_USAGE, async (dataSource) => {
  const { told, heads } = recoveryOptions(process.argv.slice(2));
  const environment = loadDatabaseEnvironment();
  const keys = TrustedKeys.of(environment, []);
  const known = new KnownHeadsService(new SigningKeyService(environment), environment);
  const transactions = new TransactionsService(dataSource);
  const keyrings = await transactions.read((manager) => keys.follow(manager));
  for (const keyring of keyrings) known.use(keyring);
  for (const head of heads === undefined ? [] : keys.readHeads(heads)) known.add(head);
  const logs = new AuditLogRepository();
  const check = new HeadCheckService(new AuditHeadsRepository(), new AuditTilesRepository(), known);
  const recovery = new LogRecovery(
    logs,
    check,
    new EventLogRepository(),
    new LogRecoveryRepository(),
  );
  const { ended, origin, first_position, reason } = await transactions.run((manager) =>
    recovery.run(manager, told),
  );
  process.stdout.write(
    `${reason}\n` +
      `The log ${ended.origin} ends with ${ended.size} entries.\n` +
      `The log ${origin} continues it at position ${first_position} of the event log.\n`,
  );
  return EXIT.ok;
});
