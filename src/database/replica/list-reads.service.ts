import { Injectable } from '@nestjs/common';
import { TransactionsService } from '../transactions.service.js';
import { type ListWork, ReadReplicaService } from './read-replica.service.js';

/**
 * Runs reads of lists, on the read replica if there is one.
 *
 * A list contains every change that any instance had acknowledged when the read began, whichever server it comes from.
 */
@Injectable()
export class ListReadsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly replica: ReadReplicaService,
  ) {}

  /** Runs read-only statements. Inside an open shared transaction, runs them on its connection. */
  async read<T>(work: ListWork<T>): Promise<T> {
    const found = this.transactions.isInTransaction ? undefined : await this.replica.read(work);
    return found ? found.value : this.transactions.read((manager) => work(manager));
  }
}
