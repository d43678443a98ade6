import { type EntitySubscriberInterface, EventSubscriber } from 'typeorm';
import { PostgresClient } from './postgres-client.js';

type TransactionStartEvent = Parameters<
  NonNullable<EntitySubscriberInterface['afterTransactionStart']>
>[0];

/** Pins the settings of transactions that TypeORM begins, such as those of migrations, behind a pooler. */
@EventSubscriber()
export class TransactionPins implements EntitySubscriberInterface {
  async afterTransactionStart({ queryRunner }: TransactionStartEvent): Promise<void> {
    const client: unknown = await queryRunner.connect();
    if (!(client instanceof PostgresClient) || client.transactionPins === undefined) return;
    await queryRunner.query(client.transactionPins);
  }
}
