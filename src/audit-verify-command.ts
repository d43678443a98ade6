/**
 * `npm run audit:verify`: compares the sealed log with the events and with heads that were kept outside. Exits with 0 if all
 * agree, 1 if the log or an event was changed, 2 if the log contradicts a head from outside, 3 if it is not complete, and
 * 64 if it cannot run.
 */
import 'reflect-metadata';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCode, findingLine } from '../packages/verify/src/findings.js';
import { splitNotes } from '../packages/verify/src/head.js';
import {
  type Checkpoint,
  noteVerifier,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
} from '../packages/verify/src/note.js';
import { AuditHeadsRepository } from './audit-log/audit-heads.repository.js';
import { AuditLogRepository } from './audit-log/audit-log.repository.js';
import { AuditTilesRepository } from './audit-log/audit-tiles.repository.js';
import { openHead } from './audit-log/open-head.js';
import { SigningKeyService } from './audit-log/signing-key.service.js';
import { LogVerification } from './audit-log/verification/log-verification.js';
import { loadDatabaseEnvironment } from './config/load-environment.js';
import { TransactionsService } from './database/transactions.service.js';
import { UsageError } from './common/usage-error.js';
import { runOperatorCommand } from './operator-command.js';

const USAGE = 'npm run audit:verify [-- --heads FOLDER --key VKEY --max-unsigned COUNT --json]';

await runOperatorCommand('audit:verify', USAGE, async (dataSource) => {
  const { heads, key, json, 'max-unsigned': maxUnsigned } = options();
  const keys = publicKeys(key ?? []);
  const verifiers = (origin: string): NoteVerifier[] =>
    keys.map((publicKey) => noteVerifier(origin, publicKey));
  const verification = new LogVerification(
    new AuditLogRepository(),
    new AuditTilesRepository(),
    new AuditHeadsRepository(),
    {
      heads: heads === undefined ? [] : readHeads(heads, verifiers),
      maxUnsigned: maxUnsigned === undefined ? Infinity : countOf(maxUnsigned),
      open: (note, origin) => openHead(note, origin, verifiers(origin)),
    },
  );
  const report = await new TransactionsService(dataSource).read((manager) =>
    verification.run(manager),
  );
  const lines =
    json === true
      ? [JSON.stringify(report)]
      : [
          ...report.notes,
          ...report.findings.map(findingLine),
          ...(report.findings.length === 0 ? ['verified'] : []),
        ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCode(report.findings);
});

function options() {
  try {
    return parseArgs({
      options: {
        heads: { type: 'string' },
        key: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        'max-unsigned': { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'unknown option');
  }
}

/** The keys of the options, and those that the environment of the controller names. */
function publicKeys(vkeys: readonly string[]): Buffer[] {
  const keys = [
    ...vkeys.map((vkey) => parseVerifierKey(vkey).publicKey),
    ...new SigningKeyService(loadDatabaseEnvironment()).publicKeys(),
  ];
  if (keys.length > 0) return keys;
  throw new UsageError('no key is known: set AUDIT_SIGNING_KEY_FILE, or use --key');
}

/** Reads the heads of all files of a folder. Each must be signed by a known key. */
function readHeads(folder: string, verifiers: (origin: string) => NoteVerifier[]): Checkpoint[] {
  return readdirSync(folder).flatMap((file) =>
    splitNotes(readFileSync(join(folder, file), 'utf8')).map((note) => {
      const { origin } = parseCheckpoint(parseNote(note).text);
      const head = openHead(note, origin, verifiers(origin));
      if (head) return head;
      throw new UsageError(`${file}: no known key has signed a head`);
    }),
  );
}

function countOf(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new UsageError('--max-unsigned must be a whole number');
}
