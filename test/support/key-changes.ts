import type { DataSource } from 'typeorm';
import { AuditHeadsRepository } from '../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../src/audit-log/audit-tiles.repository.js';
import { KeyChanges } from '../../src/audit-log/key-changes/key-changes.js';
import { KeyEventsRepository } from '../../src/audit-log/key-events.repository.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import { EventLogRepository } from '../../src/events/event-log.repository.js';

/** What `npm run audit:keys` uses, on the database of a test. */
export function keyChangesOf(dataSource: DataSource): KeyChanges {
  return new KeyChanges(new TransactionsService(dataSource), {
    logs: new AuditLogRepository(),
    heads: new AuditHeadsRepository(),
    tiles: new AuditTilesRepository(),
    keyEvents: new KeyEventsRepository(),
    eventLog: new EventLogRepository(),
  });
}
