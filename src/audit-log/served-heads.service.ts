import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { quorumOf, type WitnessQuorum } from '../config/audit-witness.js';
import { Environment } from '../config/environment.js';
import { AuditHeadsRepository, type StoredHead } from './audit-heads.repository.js';

/** The heads that clients receive: those that enough witnesses have cosigned. */
@Injectable()
export class ServedHeadsService {
  private readonly quorum: WitnessQuorum;

  constructor(
    private readonly heads: AuditHeadsRepository,
    environment: Environment,
  ) {
    this.quorum = quorumOf(environment);
  }

  /** Returns the newest head of a log. */
  findNewest(manager: EntityManager, log: number): Promise<StoredHead | undefined> {
    return this.quorum.count === 0
      ? this.heads.findNewest(manager, log)
      : this.heads.findNewestCosigned(manager, log, this.quorum);
  }

  /** Returns the first head of a log that covers an entry. */
  findCovering(
    manager: EntityManager,
    log: number,
    index: number,
  ): Promise<StoredHead | undefined> {
    return this.heads.findCovering(manager, log, index, this.quorum);
  }
}
