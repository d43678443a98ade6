/**
 * `npm run audit:keys`: lists, changes and revokes the keys that sign the audit log. Exits with 3 if a change is recorded,
 * but not in a signed head yet, and with 64 if it cannot run.
 */
import 'reflect-metadata';
import { AuditHeadsRepository } from './audit-log/audit-heads.repository.js';
import { AuditLogRepository } from './audit-log/audit-log.repository.js';
import { AuditTilesRepository } from './audit-log/audit-tiles.repository.js';
import { IncompleteError, KeyChanges } from './audit-log/key-changes/key-changes.js';
import { keyCommandOf, KEYS_USAGE, type KeyCommand } from './audit-log/key-changes/key-options.js';
import { KeyEventsRepository } from './audit-log/key-events.repository.js';
import type { KeyPeriod } from './audit-log/log-keyring.js';
import type { SigningKey } from './audit-log/signing-key.js';
import { SigningKeyService } from './audit-log/signing-key.service.js';
import { UsageError } from './common/usage-error.js';
import { loadDatabaseEnvironment, secretFiles } from './config/load-environment.js';
import { TransactionsService } from './database/transactions.service.js';
import { EventLogRepository } from './events/event-log.repository.js';
import { EXIT, runOperatorCommand } from './operator-command.js';

const INCOMPLETE = 3;

await runOperatorCommand('audit:keys', KEYS_USAGE, async (dataSource) => {
  const environment = loadDatabaseEnvironment();
  const files = secretFiles();
  const token = { value: environment.AUDIT_SIGNER_TOKEN, file: files.AUDIT_SIGNER_TOKEN };
  const command = keyCommandOf(process.argv.slice(2), token);
  const keys = new SigningKeyService(environment, files);
  const changes = new KeyChanges(new TransactionsService(dataSource), {
    logs: new AuditLogRepository(),
    heads: new AuditHeadsRepository(),
    tiles: new AuditTilesRepository(),
    keyEvents: new KeyEventsRepository(),
    eventLog: new EventLogRepository(),
  });
  try {
    process.stdout.write(`${(await run(changes, command, keys)).join('\n')}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof IncompleteError)) throw error;
    process.stderr.write(`INCOMPLETE ${error.message}\n`);
    return INCOMPLETE;
  }
});

async function run(
  changes: KeyChanges,
  command: KeyCommand,
  keys: SigningKeyService,
): Promise<string[]> {
  if (command.kind === 'list') return (await changes.list(keys.publicKeys())).map(periodLine);
  const own = ownKey(keys);
  if (command.kind === 'rotate') {
    const { size } = await changes.rotate(own, command.next);
    return [
      `both keys have signed the head of ${size} entries; the new key signs from now on`,
      'Restart all instances with the new key, and publish its verifier key.',
    ];
  }
  const { vkey, goodUntil } = command;
  const { size } = await changes.revoke(own, vkey, goodUntil);
  return [
    `the head of ${size} entries contains the revocation: ${vkey} counts up to ${goodUntil} entries`,
    'Tell verifiers the key and this size: they cannot rely on the log alone.',
  ];
}

function ownKey({ key }: SigningKeyService): SigningKey {
  if (key) return key;
  throw new UsageError('no key is known: set AUDIT_SIGNING_KEY_FILE or AUDIT_SIGNER_URL');
}

function periodLine({ verifier, from, until, isRevoked }: KeyPeriod): string {
  const end = until === undefined ? '' : ` up to ${until}`;
  return `${verifier.vkey} from ${from}${end}${isRevoked ? ', revoked' : ''}`;
}
