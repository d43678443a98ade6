import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Indexes for deliveries that were not sent yet, that are retried, and that are being sent, instead of one for all. */
export class IndexPendingDeliveries1764000034000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE INDEX idx_webhook_deliveries_fresh ON webhook_deliveries (webhook_id, position)
        WHERE status = 'pending' AND attempts = 0;
      CREATE INDEX idx_webhook_deliveries_retries ON webhook_deliveries (webhook_id, next_attempt_at, position)
        WHERE status = 'pending' AND attempts > 0;
      CREATE INDEX idx_webhook_deliveries_sending ON webhook_deliveries (webhook_id)
        WHERE status = 'pending' AND sending_until IS NOT NULL;
      DROP INDEX idx_webhook_deliveries_due;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE INDEX idx_webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at, position)
        WHERE status = 'pending';
      DROP INDEX idx_webhook_deliveries_fresh, idx_webhook_deliveries_retries, idx_webhook_deliveries_sending;
    `);
  }
}
