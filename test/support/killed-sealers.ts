import pg from 'pg';
import { DataSource } from 'typeorm';
import type { Report } from '../../packages/verify/src/findings.js';
import { noteVerifier } from '../../packages/verify/src/note.js';
import { AuditHeadsRepository } from '../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../src/audit-log/audit-tiles.repository.js';
import { openHead } from '../../src/audit-log/open-head.js';
import { LogVerification } from '../../src/audit-log/verification/log-verification.js';
import { migrationOptions } from '../../src/database/database-options.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import { newDatabase, tokenFor } from './app.js';
import { newSigningKey, publicKeyOf, sealing, untilSigned } from './audit-log.js';
import { ControllerProcess } from './controller-process.js';
import { times } from './kit.js';
import { dropTestDatabase } from './postgres.js';

const WRITERS = 16;

export interface KilledSealers {
  report: Report;
  sealed: number;
  heads: number;
}

/** Lets writers route tasks to two controllers that are killed and started again in turn; verifies the log at the end. */
export async function killSealers(options: {
  kills: number;
  pause: () => Promise<void>;
}): Promise<KilledSealers> {
  const databaseUrl = await newDatabase();
  const key = newSigningKey();
  const start = (): Promise<ControllerProcess> =>
    ControllerProcess.start({ databaseUrl, env: sealing(key) });
  const controllers = await Promise.all([start(), start()]);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    let kills = 0;
    const isOver = (): boolean => kills === options.kills;
    const token = tokenFor('finance');
    const write = async (writer: number): Promise<void> => {
      while (!isOver()) {
        const url = controllers[writer % 2]?.url ?? '';
        await fetch(`${url}/tasks/route`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ target: 'manager', task: { task_type: 'budget' } }),
        }).catch(() => options.pause());
      }
    };
    const kill = async (): Promise<void> => {
      while (!isOver()) {
        await options.pause();
        const victim = kills % 2;
        controllers[victim]?.kill();
        controllers[victim] = await start();
        kills += 1;
      }
    };
    await Promise.all([kill(), ...times(WRITERS, write)]);
    const query = async <Row>(text: string): Promise<Row[]> => {
      const { rows } = await client.query(text);
      return rows as Row[];
    };
    await untilSigned({ query });
    const report = await verifyLog(databaseUrl, key);
    const [counts] = await query<{ sealed: number; heads: number }>(
      `SELECT (SELECT size::int FROM audit_log) AS sealed, (SELECT count(*)::int FROM audit_heads) AS heads`,
    );
    return { report, sealed: counts?.sealed ?? 0, heads: counts?.heads ?? 0 };
  } finally {
    await client.end();
    await Promise.all(controllers.map((controller) => controller.stop()));
    await dropTestDatabase(databaseUrl);
  }
}

async function verifyLog(databaseUrl: string, key: string): Promise<Report> {
  const dataSource = new DataSource(migrationOptions(databaseUrl));
  await dataSource.initialize();
  const verification = new LogVerification(
    new AuditLogRepository(),
    new AuditTilesRepository(),
    new AuditHeadsRepository(),
    {
      heads: [],
      maxUnsigned: 0,
      open: (note, origin) => openHead(note, origin, [noteVerifier(origin, publicKeyOf(key))]),
    },
  );
  try {
    return await new TransactionsService(dataSource).read((manager) => verification.run(manager));
  } finally {
    await dataSource.destroy();
  }
}
