import { DataSource } from 'typeorm';
import { AuditHeadsRepository } from '../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../src/audit-log/audit-tiles.repository.js';
import { KeyChanges } from '../../src/audit-log/key-changes/key-changes.js';
import { KeyEventsRepository } from '../../src/audit-log/key-events.repository.js';
import { migrationOptions } from '../../src/database/database-options.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import { EventLogRepository } from '../../src/events/event-log.repository.js';

/** Changes keys as `npm run audit:keys` does, on a connection of its own. */
export async function withKeyChanges(
  databaseUrl: string,
  work: (changes: KeyChanges) => Promise<void>,
): Promise<void> {
  const dataSource = new DataSource(migrationOptions(databaseUrl));
  await dataSource.initialize();
  try {
    await work(
      new KeyChanges(new TransactionsService(dataSource), {
        logs: new AuditLogRepository(),
        heads: new AuditHeadsRepository(),
        tiles: new AuditTilesRepository(),
        keyEvents: new KeyEventsRepository(),
        eventLog: new EventLogRepository(),
      }),
    );
  } finally {
    await dataSource.destroy();
  }
}
