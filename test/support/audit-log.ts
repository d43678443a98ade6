import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { DataSource } from 'typeorm';
import {
  type Checkpoint,
  noteVerifier,
  parseCheckpoint,
  parseNote,
  rawPublicKey,
  verifyNote,
} from '../../packages/verify/src/note.js';
import type { Report } from '../../packages/verify/src/findings.js';
import type { EventRow } from '../../packages/verify/src/leaf.js';
import { AuditHeadsRepository } from '../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../src/audit-log/audit-tiles.repository.js';
import {
  type LogExpectations,
  LogVerification,
} from '../../src/audit-log/verification/log-verification.js';
import { TrustedKeys } from '../../src/audit-log/verification/trusted-keys.js';
import { migrationOptions } from '../../src/database/database-options.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import type { TestApp } from './app.js';
import { until } from './eventually.js';

/** The name of the logs of tests. */
export const ORIGIN = 'mesh.example.com/audit/log';

/** A new signing key in PEM, as AUDIT_SIGNING_KEY has it. */
export function newSigningKey(): string {
  return generateKeyPairSync('ed25519')
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

/** The 32 bytes of the public key. */
export function publicKeyOf(pem: string): Buffer {
  return rawPublicKey(createPrivateKey(pem));
}

/** Reads a head that the key has signed. */
export function openCheckpoint(note: string, pem: string): Checkpoint {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  const verifier = noteVerifier(checkpoint.origin, publicKeyOf(pem));
  if (verifyNote(parsed, [verifier]).length !== 1) throw new Error('Not signed by this key');
  return checkpoint;
}

/** The environment of an instance that seals at once. */
export function sealing(pem: string, env: Record<string, string> = {}): Record<string, string> {
  return { AUDIT_SIGNING_KEY: pem, AUDIT_SEAL_INTERVAL_MS: '100', ...env };
}

const UNSEALED = `
  SELECT 1 FROM audit_events e
   WHERE NOT EXISTS (SELECT FROM event_log l JOIN audit_log g ON l.position < g.first_position + g.size
                      WHERE l.event_id = e.id) LIMIT 1`;

const UNSIGNED = `
  SELECT 1 FROM audit_log l
   WHERE l.log = (SELECT max(log) FROM audit_log)
     AND l.size > coalesce((SELECT max(size) FROM audit_heads h WHERE h.log = l.log), 0)`;

/** Waits until all events are sealed. */
export async function untilSealed(mesh: Pick<TestApp, 'query'>): Promise<void> {
  await until(async () => (await mesh.query(UNSEALED)).length === 0);
}

/** Waits until all events are sealed and a head covers them. */
export async function untilSigned(mesh: Pick<TestApp, 'query'>): Promise<void> {
  await untilSealed(mesh);
  await until(async () => (await mesh.query(UNSIGNED)).length === 0);
}

/** The newest head of a database. */
export async function newestHead(mesh: Pick<TestApp, 'query'>): Promise<string> {
  const [head] = await mesh.query<{ checkpoint: string }>(
    'SELECT checkpoint FROM audit_heads ORDER BY log DESC, size DESC LIMIT 1',
  );
  return head?.checkpoint ?? '';
}

/** Empties the sealed log, so that all events are sealed again under its name. */
export const EMPTIED = `
  DELETE FROM audit_heads; DELETE FROM audit_tiles;
  UPDATE audit_log SET size = 0, root = sha256('')`;

/** Changes an event and empties the sealed log, as an owner of the database can. */
export async function rebuildLog(run: (statements: string) => Promise<unknown>): Promise<void> {
  await run(`
    BEGIN;
    SET LOCAL session_replication_role = replica;
    UPDATE audit_events SET role = 'other' WHERE id = (SELECT event_id FROM event_log WHERE position = 2);
    ${EMPTIED};
    COMMIT`);
}

const ROWS = `
  SELECT e.id, e.event_type, e.role, e.trace_id, e.task_id, e.session_id, e.approval_id, e.actor, e.salt, e.erased,
         to_char(e.timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS timestamp,
         e.metadata::text AS metadata
    FROM event_log l JOIN audit_events e ON e.id = l.event_id ORDER BY l.position`;

/** The events in the order of the event log. */
export function listRows(mesh: Pick<TestApp, 'query'>): Promise<EventRow[]> {
  return mesh.query<EventRow>(ROWS);
}

/** Verifies the sealed logs of a database, as npm run audit:verify does. */
export async function verifyLog(
  databaseUrl: string,
  pem: string,
  expectations: Partial<LogExpectations> = {},
): Promise<Report> {
  const keys = new TrustedKeys([publicKeyOf(pem)]);
  const verification = new LogVerification(
    new AuditLogRepository(),
    new AuditTilesRepository(),
    new AuditHeadsRepository(),
    {
      heads: [],
      maxUnsigned: Infinity,
      open: (note, origin) => keys.open(note, origin),
      ...expectations,
    },
  );
  const dataSource = await new DataSource(migrationOptions(databaseUrl)).initialize();
  try {
    return await new TransactionsService(dataSource).readSnapshot((manager) =>
      verification.run(manager),
    );
  } finally {
    await dataSource.destroy();
  }
}
