import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { leafText } from '../../packages/verify/src/leaf.js';
import {
  encodeEntries,
  type EntryBundle,
  type Tile,
  TILE_WIDTH,
  tilesOfRanges,
  tileWidth,
} from '../../packages/verify/src/tiles.js';
import { consistencyProof, consistencyRanges, HASH_BYTES } from '../../packages/verify/src/tree.js';
import type { Agent } from '../auth/agent.js';
import { authorize, staffRelations } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import type { StoredHead } from './audit-heads.repository.js';
import { AuditLogRepository, type SealedLog } from './audit-log.repository.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import type { ConsistencyDto } from './dto/consistency.dto.js';
import { ServedHeadsService } from './served-heads.service.js';

/** Reads the log that grows, for clients: its head, tiles, entries and proofs of consistency. */
@Injectable()
export class SealedLogService {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly heads: ServedHeadsService,
    private readonly transactions: TransactionsService,
  ) {}

  /**
   * Returns the newest signed head (C2SP tlog-checkpoint).
   *
   * @throws DomainError `audit.seal_off` or `audit.unsigned`
   */
  checkpoint(): Promise<string> {
    return this.transactions.read(async (manager) => {
      const { head } = await this.getSigned(manager);
      return head.checkpoint;
    });
  }

  /**
   * Returns the hashes of a tile.
   *
   * @throws DomainError `audit.seal_off` or `audit.size_unknown`
   */
  tile(tile: Tile): Promise<Buffer> {
    return this.transactions.read(async (manager) => {
      const log = await this.getLog(manager);
      assertWidth(tile, tileWidth(tile, log.size));
      const stored = await this.tiles.read(manager, log.log, [tile]);
      return stored.get(tile).subarray(0, tile.width * HASH_BYTES);
    });
  }

  /**
   * Returns a bundle of entries, for auditors and admins.
   *
   * @throws DomainError `auth.forbidden`, `audit.seal_off`, `audit.size_unknown` or `audit.pruned`
   */
  entries(agent: Agent, bundle: EntryBundle): Promise<Buffer> {
    authorize('audit.entries', staffRelations(agent), entriesForbidden);
    return this.transactions.read(async (manager) => {
      const log = await this.getLog(manager);
      assertWidth(bundle, tileWidth({ level: 0, ...bundle }, log.size));
      const first = bundle.index * TILE_WIDTH;
      if (first < log.pruned) throw archived(log);
      const leaves: string[] = [];
      while (leaves.length < bundle.width) {
        const from = log.first_position + first + leaves.length;
        const to = log.first_position + first + bundle.width - 1;
        const { rows } = await this.logs.listRows(manager, from, to);
        if (rows.length === 0) {
          const now = await this.getLog(manager);
          if (first < now.pruned) throw archived(now);
          throw new Error(`The event at position ${from} is missing`);
        }
        leaves.push(...rows.map(leafText));
      }
      return encodeEntries(leaves);
    });
  }

  /**
   * Proves that the log of one size extends that of a smaller size.
   *
   * @param to undefined: the size of the newest head
   * @throws DomainError `audit.seal_off`, `audit.unsigned` or `audit.size_unknown`
   */
  consistency(from: number, to: number | undefined): Promise<ConsistencyDto> {
    return this.transactions.read(async (manager) => {
      const { log, head } = await this.getSigned(manager);
      const end = to ?? head.size;
      if (end > head.size || from > end) {
        throw new DomainError(
          'audit.size_unknown',
          `\`from\` must not exceed \`to\`, and \`to\` must not exceed ${head.size}, the size of the newest head.`,
        );
      }
      const covering = end === 0 ? head : await this.heads.findCovering(manager, log.log, end - 1);
      const places = tilesOfRanges(consistencyRanges(from, end), log.size);
      const { reader } = await this.tiles.read(manager, log.log, places);
      const proof = consistencyProof(from, end, reader).map((hash) => hash.toString('base64'));
      return { from, to: end, proof, checkpoint: (covering ?? head).checkpoint };
    });
  }

  private async getSigned(manager: EntityManager): Promise<{ log: SealedLog; head: StoredHead }> {
    const log = await this.getLog(manager);
    const head = await this.heads.findNewest(manager, log.log);
    if (head) return { log, head };
    throw new DomainError(
      'audit.unsigned',
      'No head of the log is signed yet, or not enough witnesses have cosigned one. An operator sets AUDIT_SIGNING_KEY, and checks AUDIT_WITNESSES.',
      { retryAfter: 1 },
    );
  }

  private async getLog(manager: EntityManager): Promise<SealedLog> {
    const log = await this.logs.find(manager);
    if (log) return log;
    throw new DomainError('audit.seal_off', 'No instance has sealed the audit log.');
  }
}

const entriesForbidden = (): DomainError =>
  new DomainError(
    'auth.forbidden',
    'Reading all entries of the log requires the role auditor or admin.',
  );

function archived({ pruned }: SealedLog): DomainError {
  return new DomainError(
    'audit.pruned',
    `The entries before ${pruned} are in the archive. Request their bundle from the operator.`,
  );
}

function assertWidth({ width }: { width: number }, stored: number): void {
  if (width <= stored) return;
  throw new DomainError(
    'audit.size_unknown',
    `The log has ${stored} hashes of this tile. Request a partial tile of the size of a head.`,
  );
}
