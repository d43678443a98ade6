import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { JsonObject } from '../json.js';
import { type EventRow, leafText } from '../leaf.js';
import { type Checkpoint, keySigner, type LogSigner, signCheckpoint } from '../note.js';
import type { SealedEvent } from '../receipt.js';
import {
  bundlesOfSize,
  encodeEntries,
  entriesPath,
  TILE_WIDTH,
  tilePath,
  tilesOfSize,
} from '../tiles.js';
import {
  CompactTree,
  type HashReader,
  inclusionProof,
  leafHash,
  rangeHash,
  treeHash,
} from '../tree.js';

/** A sealed log in memory, for tests. */

const ORIGIN = 'mesh.example.com/audit/log';
export const SIGNED_AT = 1_769_860_900;

/** Returns a signer with a new key. */
export function newSigner(name = ORIGIN): LogSigner & { key: KeyObject } {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { ...keySigner(name, privateKey), key: privateKey };
}

/** A log in memory. */
export class SealedLog {
  readonly rows: EventRow[] = [];

  constructor(readonly signer: LogSigner = newSigner()) {}

  /** Appends an event with ids and a salt of its own. Returns its index. */
  append(
    event_type: string,
    actor: string,
    metadata: JsonObject,
    ids: Partial<EventRow> = {},
  ): number {
    const index = this.rows.length;
    this.rows.push({
      id: uuid('e', index),
      event_type,
      role: 'manager',
      trace_id: uuid('d', 1),
      task_id: uuid('c', 1),
      session_id: null,
      approval_id: null,
      timestamp: `2026-01-31T12:${String(Math.floor(index / 60) % 60).padStart(2, '0')}:${String(index % 60).padStart(2, '0')}.123456Z`,
      actor,
      metadata: JSON.stringify(metadata),
      salt: uuid('a', index),
      erased: null,
      ...ids,
    });
    return index;
  }

  /** Appends events of other tasks. */
  fill(count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.append('session_transitioned', `agent-${n}`, {
        from: 'pending',
        to: 'active',
        version: 2,
      });
    }
  }

  get size(): number {
    return this.rows.length;
  }

  read: HashReader = ({ level, index }) => {
    const tree = CompactTree.empty();
    for (const row of this.rows.slice(index * 2 ** level, (index + 1) * 2 ** level)) {
      tree.append(leafHash(leafText(row)));
    }
    return tree.root();
  };

  head(size = this.size): Checkpoint {
    return { origin: ORIGIN, size, root: treeHash(size, this.read) };
  }

  async note(size = this.size): Promise<string> {
    return signCheckpoint(this.head(size), SIGNED_AT, this.signer);
  }

  /** Returns the events of approvals, with their proofs. */
  sealed(approvalIds: readonly string[], size = this.size): SealedEvent[] {
    return this.rows.flatMap((row, index) =>
      row.approval_id !== null && approvalIds.includes(row.approval_id) && index < size
        ? [{ index, row, proof: inclusionProof(index, size, this.read) }]
        : [],
    );
  }

  /** Returns the files of a bundle, by path. */
  async bundle(): Promise<Map<string, Buffer>> {
    const leaves = this.rows.map(leafText);
    const files = new Map<string, Buffer>([['checkpoint', Buffer.from(await this.note())]]);
    for (const bundle of bundlesOfSize(this.size)) {
      const first = bundle.index * TILE_WIDTH;
      files.set(entriesPath(bundle), encodeEntries(leaves.slice(first, first + bundle.width)));
    }
    for (const tile of tilesOfSize(this.size)) {
      const leavesOfHash = TILE_WIDTH ** tile.level;
      const hashes = Array.from({ length: tile.width }, (_, n) => {
        const start = (tile.index * TILE_WIDTH + n) * leavesOfHash;
        return rangeHash({ start, end: start + leavesOfHash }, this.read);
      });
      files.set(tilePath(tile), Buffer.concat(hashes));
    }
    return files;
  }
}

/** Returns a UUID of a kind and a number. */
function uuid(kind: string, n: number): string {
  return `019a1b2c-${kind.repeat(4)}-4f5a-8b6c-${String(n).padStart(12, '0')}`;
}

export const FIRST_STAGE = uuid('b', 1);
export const SECOND_STAGE = uuid('b', 2);
export const PAYLOAD = { amount: 50_000, vendor: 'ACME' };
export const DIGEST = '322db82bde513960cf828641b8fe3417c1db6b454b93714e121bc5f1ef6c45f0';

/** Appends an approval in two stages: two managers approve, then legal, to which it was delegated. */
export function appendChain(log: SealedLog): void {
  const first = { approval_id: FIRST_STAGE };
  const second = { approval_id: SECOND_STAGE, role: 'legal' };
  const chain = { chain_id: FIRST_STAGE, stages: ['manager', 'counsel'], four_eyes: true };
  const request = { ...chain, requested_role: 'finance', digest: DIGEST, approver_kind: 'any' };
  const expiring = { expires_at: '2026-02-03T12:00:00.000Z' };
  const asker = { role: 'finance' };
  log.append(
    'approval_requested',
    'idp#finance-agent',
    {
      ...request,
      ...expiring,
      approver_role: 'manager',
      stage: 1,
      quorum: 2,
      began: '2026-01-31T12:00:00.100Z',
    },
    { ...first, ...asker },
  );
  log.append(
    'approval_voted',
    'idp#ann',
    {
      chain_id: FIRST_STAGE,
      approver_role: 'manager',
      decision: 'approved',
      votes: 1,
      digest: DIGEST,
      kind: 'human',
    },
    first,
  );
  log.append(
    'approval_decided',
    'idp#bob',
    {
      chain_id: FIRST_STAGE,
      approver_role: 'manager',
      decision: 'approved',
      votes: 2,
      digest: DIGEST,
      kind: 'human',
      decision_at: '2026-01-31T12:01:00.000Z',
      consume_until: null,
    },
    first,
  );
  log.append(
    'approval_requested',
    'idp#finance-agent',
    {
      ...request,
      ...expiring,
      approver_role: 'counsel',
      stage: 2,
      quorum: 1,
      began: '2026-01-31T12:01:00.001Z',
    },
    { approval_id: SECOND_STAGE, ...asker },
  );
  log.append(
    'approval_delegated',
    'idp#carl',
    {
      approver_role: 'legal',
      from: 'counsel',
      to: 'legal',
      told: 'on leave',
      approver_kind: 'human',
    },
    { approval_id: SECOND_STAGE, role: 'counsel' },
  );
  log.append(
    'approval_decided',
    'idp#dora',
    {
      chain_id: FIRST_STAGE,
      approver_role: 'legal',
      decision: 'approved',
      votes: 1,
      digest: DIGEST,
      kind: 'human',
      decision_at: '2026-01-31T12:02:00.000Z',
      consume_until: '2026-02-01T12:02:00.000Z',
    },
    second,
  );
}

/** Appends the consumption of the approval. */
export function appendConsumption(log: SealedLog): void {
  const metadata = {
    approver_role: 'legal',
    attempt: 1,
    repeat: false,
    digest: DIGEST,
    consumed_at: '2026-01-31T13:00:00.000Z',
  };
  log.append('approval_consumed', 'idp#finance-agent', metadata, {
    approval_id: SECOND_STAGE,
    role: 'finance',
  });
}
