import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { openHead } from '../../../packages/verify/src/head.js';
import { KEY_CHANGED, KEY_REVOKED } from '../../../packages/verify/src/key-events.js';
import {
  type Checkpoint,
  noteVerifier,
  parseCheckpoint,
  parseNote,
  signCheckpoint,
} from '../../../packages/verify/src/note.js';
import { logsPolicy } from '../../../packages/verify/src/policy.js';
import { newId } from '../../common/new-id.js';
import type { TransactionsService } from '../../database/transactions.service.js';
import type { EventLogRepository } from '../../events/event-log.repository.js';
import type { AuditHeadsRepository } from '../audit-heads.repository.js';
import type { AuditLogRepository, SealedLog } from '../audit-log.repository.js';
import type { AuditTilesRepository } from '../audit-tiles.repository.js';
import type {
  KeyEventsRepository,
  NewKeyEvent,
  RecordedKeyEvent,
} from '../key-events.repository.js';
import { type KeyPeriod, LogKeyring } from '../log-keyring.js';
import { LogGrowthService } from '../log-growth.service.js';
import { type SigningKey, signerOf } from '../signing-key.js';
import { assertExtends, tilesOfHeads } from '../tree-check.js';
import { assertPresent, assertRevocable, assertUnused, isPending } from './key-rules.js';

/** The tables that a change of the keys reads and writes. */
export interface KeyTables {
  readonly logs: AuditLogRepository;
  readonly heads: AuditHeadsRepository;
  readonly tiles: AuditTilesRepository;
  readonly keyEvents: KeyEventsRepository;
  readonly eventLog: EventLogRepository;
}

/** A change is recorded, but not in a signed head yet. The command can be run again. */
export class IncompleteError extends Error {}

const POLL_MS = 250;

/** Changes and revokes the signing key of the log that grows. */
export class KeyChanges {
  /**
   * @param waitMs time in which the events about keys must be sealed
   */
  constructor(
    private readonly transactions: TransactionsService,
    private readonly tables: KeyTables,
    private readonly waitMs = 60_000,
  ) {}

  /** Returns the keys of the log with the sizes for which they count, the present one first. */
  list(pinned: readonly Buffer[]): Promise<KeyPeriod[]> {
    return this.transactions.read(async (manager) => {
      const log = await this.getLog(manager);
      const events = await this.tables.keyEvents.list(manager, log.log);
      return new LogKeyring(log.origin, pinned, events).periods();
    });
  }

  /**
   * Records that a new key replaces the present one, and signs the first head that covers the event with both. Completes a
   * change that was interrupted.
   *
   * @returns that head
   * @throws KeyRuleError, SigningError, DivergedError or IncompleteError
   */
  async rotate(own: SigningKey, next: SigningKey): Promise<Checkpoint> {
    await assertSigns(own, next);
    const log = await this.record(async (manager, current, events) => {
      const [old, vkey] = [vkeyOf(current, own), vkeyOf(current, next)];
      if (isPending(events, old, vkey)) return [];
      const newest = await this.tables.heads.findNewest(manager, current.log);
      assertPresent(events, newest?.checkpoint, current.origin, own.publicKey);
      assertUnused(events, current.origin, [own.publicKey], next.publicKey);
      return [newEvent(KEY_CHANGED, { old, new: vkey })];
    });
    return this.cover(log.origin, KEY_CHANGED, [own, next]);
  }

  /**
   * Records that heads of a key count only up to a size, and signs the first head that covers the event with the own key,
   * which replaces the revoked one if that is the present key.
   *
   * @returns that head
   * @throws KeyRuleError, SigningError, DivergedError or IncompleteError
   */
  async revoke(own: SigningKey, vkey: string, goodUntil: number): Promise<Checkpoint> {
    await assertSigns(own);
    const log = await this.record(async (manager, current, events) => {
      const newest = await this.tables.heads.findNewest(manager, current.log);
      const { isPresent, isRecorded } = assertRevocable({
        events,
        log: current,
        newest: newest?.checkpoint,
        own: own.publicKey,
        vkey,
        goodUntil,
      });
      if (isRecorded) return [];
      const changed = newEvent(KEY_CHANGED, { old: vkey, new: vkeyOf(current, own) });
      const revoked = newEvent(KEY_REVOKED, { vkey, good_until_size: goodUntil });
      return [...(isPresent ? [changed] : []), revoked];
    });
    return this.cover(log.origin, KEY_REVOKED, [own]);
  }

  private record(
    eventsOf: (
      manager: EntityManager,
      log: SealedLog,
      events: readonly RecordedKeyEvent[],
    ) => Promise<NewKeyEvent[]>,
  ): Promise<SealedLog> {
    const { keyEvents } = this.tables;
    return this.transactions.run(async (manager) => {
      await keyEvents.lock(manager);
      const log = await this.getLog(manager);
      const recorded = await keyEvents.list(manager, log.log);
      const events = await eventsOf(manager, log, recorded);
      if (events.length > 0) await keyEvents.insert(manager, events);
      return log;
    });
  }

  /** Waits until the latest event of a type is sealed, and signs the first head that covers it. */
  private async cover(
    origin: string,
    type: NewKeyEvent['event_type'],
    keys: readonly SigningKey[],
  ): Promise<Checkpoint> {
    const end = performance.now() + this.waitMs;
    const kind = type === KEY_CHANGED ? 'changed' : 'revoked';
    while (performance.now() < end) {
      await this.seal();
      const event = await this.findLatest(origin, kind);
      if (event?.head) return assertSignedBy(event.head.checkpoint, origin, keys);
      if (event?.isSealed === true) await this.sign(keys);
      else await sleep(POLL_MS);
    }
    throw new IncompleteError(
      'The event is recorded, but not sealed. Start an instance, or wait for the end of an open transaction, and run the command again.',
    );
  }

  private findLatest(
    origin: string,
    kind: RecordedKeyEvent['event']['kind'],
  ): Promise<RecordedKeyEvent | undefined> {
    return this.transactions.read(async (manager) => {
      const log = await this.getLog(manager);
      if (log.origin !== origin) throw new Error('Another log has begun: run the command again');
      const events = await this.tables.keyEvents.list(manager, log.log);
      return events.findLast(({ event }) => event.kind === kind && event.index >= 0);
    });
  }

  /** Seals the next events, as an instance does, for the case that none runs. */
  private async seal(): Promise<void> {
    const { eventLog, logs, tiles } = this.tables;
    await this.transactions.run(async (manager) => {
      const head = await eventLog.tryLock(manager);
      const isOurs = head?.is_backfilled === true && head.origin === head.present_origin;
      return isOurs ? eventLog.number(manager, head.highest_n) : undefined;
    });
    await new LogGrowthService(logs, tiles, this.transactions).grow();
  }

  private async sign(keys: readonly SigningKey[]): Promise<void> {
    const log = await this.transactions.read((manager) => this.findChecked(manager));
    const head = { origin: log.origin, size: log.size, root: log.root };
    const signers = keys.map((key) => signerOf(key, log.origin));
    const checkpoint = await signCheckpoint(head, Math.floor(Date.now() / 1_000), ...signers);
    const { size, root } = head;
    await this.transactions.run((manager) =>
      this.tables.heads.insert(manager, log.log, { size, root, checkpoint }),
    );
  }

  /** Returns the log if it extends its newest head. */
  private async findChecked(manager: EntityManager): Promise<SealedLog> {
    const log = await this.getLog(manager);
    const stored = await this.tables.heads.findNewest(manager, log.log);
    const heads = stored ? [parseCheckpoint(parseNote(stored.checkpoint).text)] : [];
    const places = tilesOfHeads(log.size, heads);
    const { reader } = await this.tables.tiles.read(manager, log.log, places);
    assertExtends(log, heads, reader);
    return log;
  }

  private async getLog(manager: EntityManager): Promise<SealedLog> {
    const log = await this.tables.logs.find(manager);
    if (log) return log;
    throw new Error('No log is sealed yet: start an instance with AUDIT_SEAL=true first');
  }
}

/** Signs a probe, so that a key that cannot sign is found before the change is recorded. */
async function assertSigns(...keys: readonly SigningKey[]): Promise<void> {
  for (const key of keys) await key.sign(Buffer.from('agent-mesh key check'));
}

function vkeyOf({ origin }: SealedLog, { publicKey }: SigningKey): string {
  return noteVerifier(origin, publicKey).vkey;
}

function newEvent(
  event_type: NewKeyEvent['event_type'],
  metadata: Record<string, string | number>,
): NewKeyEvent {
  return { id: newId(), event_type, trace_id: newId(), salt: randomUUID(), metadata };
}

function assertSignedBy(note: string, origin: string, keys: readonly SigningKey[]): Checkpoint {
  const verifiers = keys.map(({ publicKey }) => noteVerifier(origin, publicKey));
  const head = openHead(note, logsPolicy(verifiers), new Map());
  if (head.keys.length === keys.length) return head;
  throw new Error(
    `The head of ${head.size} entries covers the change, but an instance of an earlier version signed it. Verifiers that have only the old key must receive the new one`,
  );
}
