import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { disclosuresOf, leafText } from '../../packages/verify/src/leaf.js';
import { tilesOfRanges } from '../../packages/verify/src/tiles.js';
import { inclusionProof, inclusionRanges } from '../../packages/verify/src/tree.js';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import type { StoredHead } from './audit-heads.repository.js';
import { ArchivesRepository } from './archives.repository.js';
import { AuditLogRepository, type PositionedRow, type SealedLog } from './audit-log.repository.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import type { EntryProofDto } from './dto/entry-proof.dto.js';
import { ServedHeadsService } from './served-heads.service.js';

/** Proves that an event is an entry of the sealed log. */
@Injectable()
export class EntryProofsService {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly heads: ServedHeadsService,
    private readonly archives: ArchivesRepository,
    private readonly transactions: TransactionsService,
  ) {}

  /**
   * Returns the entry of an event that the agent may read, with its proof and the newest head.
   *
   * @throws DomainError `audit.entry_not_found`, `audit.pruned`, `audit.not_sealed` or `audit.seal_off`
   */
  get(agent: Agent, eventId: string): Promise<EntryProofDto> {
    return this.transactions.read(async (manager) => {
      const visibleTo = canReadEverything(agent) ? undefined : agent;
      const row = await this.logs.findRow(manager, eventId, visibleTo);
      if (!row) {
        if (!visibleTo && (await this.archives.isArchived(manager, eventId))) throw archived();
        throw new DomainError(
          'audit.entry_not_found',
          'No event that you may read has this id and a position in the event log.',
        );
      }
      return this.prove(manager, row);
    });
  }

  private async prove(manager: EntityManager, row: PositionedRow): Promise<EntryProofDto> {
    const { log, isEnded } = await this.getLogOf(manager, row);
    const seq = row.position - log.first_position;
    const head = await this.heads.findNewest(manager, log.log);
    if (!head || head.size <= seq) throw isEnded ? neverSigned() : notSealed();
    return {
      seq,
      leaf: leafText(row),
      open: [...disclosuresOf(row).values()],
      proof: await this.proofOf(manager, log, head, seq),
      checkpoint: head.checkpoint,
    };
  }

  private async proofOf(
    manager: EntityManager,
    { log, size }: SealedLog,
    head: StoredHead,
    seq: number,
  ): Promise<string[]> {
    const places = tilesOfRanges(inclusionRanges(seq, head.size), size);
    const { reader } = await this.tiles.read(manager, log, places);
    return inclusionProof(seq, head.size, reader).map((hash) => hash.toString('base64'));
  }

  /** The last log that begins at or before the event. */
  private async getLogOf(
    manager: EntityManager,
    { position }: PositionedRow,
  ): Promise<{ log: SealedLog; isEnded: boolean }> {
    const logs = await this.logs.list(manager);
    if (logs.length === 0) {
      throw new DomainError('audit.seal_off', 'No instance has sealed the audit log.');
    }
    const log = logs.findLast(({ first_position }) => first_position <= position);
    if (log) return { log, isEnded: log !== logs.at(-1) };
    throw notSealed();
  }
}

function archived(): DomainError {
  return new DomainError(
    'audit.pruned',
    'The event is in the archive. Request the bundle with its entry from the operator.',
  );
}

function notSealed(): DomainError {
  return new DomainError(
    'audit.not_sealed',
    'No signed head covers the event yet. Repeat the request after a second.',
    { retryAfter: 1 },
  );
}

function neverSigned(): DomainError {
  return new DomainError(
    'audit.not_sealed',
    'No signed head will cover the event: the sealed log had diverged, and another log continues it. The first entry of that log names the root over the event.',
  );
}
