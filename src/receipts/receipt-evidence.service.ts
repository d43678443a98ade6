import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type Checkpoint } from '../../packages/verify/src/note.js';
import type { SealedEvent } from '../../packages/verify/src/receipt.js';
import { tilesOfRanges } from '../../packages/verify/src/tiles.js';
import { inclusionProof, inclusionRanges } from '../../packages/verify/src/tree.js';
import type { StoredHead } from '../audit-log/audit-heads.repository.js';
import { AuditLogRepository, type SealedLog } from '../audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../audit-log/audit-tiles.repository.js';
import { ServedHeadsService } from '../audit-log/served-heads.service.js';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import type { ChainEvent } from './receipts.repository.js';

/** Sealed events with their proofs, and the signed head that the proofs lead to. */
export interface SealedEvidence {
  events: SealedEvent[];
  head: Checkpoint & { note: string };
}

/** An event with its index in a sealed log. */
interface IndexedEvent {
  index: number;
  row: ChainEvent;
}

/** Proves that events are entries of the sealed log. */
@Injectable()
export class ReceiptEvidenceService {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly heads: ServedHeadsService,
    private readonly tiles: AuditTilesRepository,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns the events with their proofs. Undefined if no signed head covers all of them yet.
   *
   * @throws DomainError `audit.seal_off`, or `receipt.unavailable` if the log was continued by another in between
   */
  async find(
    manager: EntityManager,
    rows: readonly ChainEvent[],
  ): Promise<SealedEvidence | undefined> {
    const logs = await this.logs.list(manager);
    if (logs.length === 0 && !this.environment.AUDIT_SEAL) {
      throw new DomainError('audit.seal_off', 'No instance has sealed the audit log.');
    }
    const first = rows[0]?.position ?? Infinity;
    const log = logs.findLast(({ first_position }) => first_position <= first);
    if (!log) return undefined;
    const indexed = rows.map((row) => ({
      index: (row.position ?? Infinity) - log.first_position,
      row,
    }));
    const head = await this.heads.findNewest(manager, log.log);
    if (!head || indexed.some(({ index }) => index >= head.size)) {
      // No later head of a log that has ended will cover them.
      if (log !== logs.at(-1)) throw continued();
      return undefined;
    }
    return {
      events: await this.prove(manager, log, head, indexed),
      head: { origin: log.origin, size: head.size, root: head.root, note: head.checkpoint },
    };
  }

  private async prove(
    manager: EntityManager,
    { log, size }: SealedLog,
    head: StoredHead,
    events: readonly IndexedEvent[],
  ): Promise<SealedEvent[]> {
    const ranges = events.flatMap(({ index }) => inclusionRanges(index, head.size));
    const { reader } = await this.tiles.read(manager, log, tilesOfRanges(ranges, size));
    return events.map((event) => ({
      ...event,
      proof: inclusionProof(event.index, head.size, reader),
    }));
  }
}

function continued(): DomainError {
  return new DomainError(
    'receipt.unavailable',
    'No signed head covers all events of the approval, because the sealed log had diverged and another log continues it. Prove single events with GET /audit/events/{id}/proof.',
  );
}
