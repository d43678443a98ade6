import { openHead } from '../../../packages/verify/src/head.js';
import { noteVerifier, parseVerifierKey } from '../../../packages/verify/src/note.js';
import { logsPolicy } from '../../../packages/verify/src/policy.js';
import type { SealedLog } from '../audit-log.repository.js';
import type { RecordedKeyEvent } from '../key-events.repository.js';

/** A key may not be changed or revoked in this way. The message names the key and the next step. */
class KeyRuleError extends Error {}

/** A revocation to check. */
export interface Revocation {
  readonly events: readonly RecordedKeyEvent[];
  readonly log: Pick<SealedLog, 'origin' | 'size'>;
  /** The newest head. */
  readonly newest: string | undefined;
  /** The public key of this environment. */
  readonly own: Buffer;
  /** The key to revoke. */
  readonly vkey: string;
  readonly goodUntil: number;
}

/** Whether the change from one key to another is recorded, but in no head yet. */
export function isPending(
  events: readonly RecordedKeyEvent[],
  old: string | undefined,
  next: string | undefined,
): boolean {
  const last = lastChange(events);
  return last !== undefined && !last.head && last.old === old && last.next === next;
}

/** @throws KeyRuleError if the new key is one of `others`, or an event names it */
export function assertUnused(
  events: readonly RecordedKeyEvent[],
  origin: string,
  others: readonly Buffer[],
  next: Buffer,
): void {
  const { vkey } = noteVerifier(origin, next);
  if (others.some((other) => other.equals(next))) {
    throw new KeyRuleError(`The new key is the present one, ${vkey}. Generate another.`);
  }
  const isNamed = events.some(({ event }) =>
    (event.kind === 'changed' ? [event.old, event.next] : [event.key]).some(({ publicKey }) =>
      publicKey.equals(next),
    ),
  );
  if (isNamed) {
    throw new KeyRuleError(`${vkey} was a key of this log before. Generate another.`);
  }
}

/** @throws KeyRuleError if the key of this environment is not the one that signs the log */
export function assertPresent(
  events: readonly RecordedKeyEvent[],
  newest: string | undefined,
  origin: string,
  own: Buffer,
): void {
  const { vkey } = noteVerifier(origin, own);
  if (revocationOf(events, own) !== undefined) throw new KeyRuleError(`${vkey} was revoked.`);
  const last = lastChange(events);
  if (last && !last.head) {
    throw new KeyRuleError(
      `The change to ${last.next} is not complete. Run the command with the keys of that change first.`,
    );
  }
  if (last && last.next !== vkey) {
    throw new KeyRuleError(
      `${last.next} signs the log, and the environment has ${vkey}. Run the command with the present key in AUDIT_SIGNING_KEY.`,
    );
  }
  if (last || newest === undefined || hasSigned(newest, origin, own)) return;
  throw new KeyRuleError(
    `The newest head is not signed by the key of the environment, ${vkey}. Run the command with the present key in AUDIT_SIGNING_KEY.`,
  );
}

/**
 * Asserts that a key can be revoked.
 *
 * @returns whether it is the present key of the log, and whether the revocation is recorded, but in no head yet
 * @throws KeyRuleError
 */
export function assertRevocable({ events, log, newest, own, vkey, goodUntil }: Revocation): {
  isPresent: boolean;
  isRecorded: boolean;
} {
  const { name, publicKey } = parseVerifierKey(vkey);
  if (name !== log.origin) throw new KeyRuleError(`${vkey} is not a key of the log ${log.origin}.`);
  if (publicKey.equals(own)) {
    throw new KeyRuleError(
      `The environment has the key to revoke, ${vkey}. Run the command with its successor in AUDIT_SIGNING_KEY.`,
    );
  }
  if (goodUntil > log.size) {
    throw new KeyRuleError(`--good-until must not exceed ${log.size}, the size of the log.`);
  }
  const revoked = revocationOf(events, publicKey);
  if (revoked) {
    const isSame = revoked.goodUntil === goodUntil && !revoked.isCovered;
    if (isSame) return { isPresent: false, isRecorded: true };
    throw new KeyRuleError(`${vkey} is revoked already, good until ${revoked.goodUntil}.`);
  }
  const last = lastChange(events);
  const isPresent = last
    ? last.next === vkey
    : newest === undefined || hasSigned(newest, log.origin, publicKey);
  if (isPresent) assertUnused(events, log.origin, [], own);
  else assertPresent(events, newest, log.origin, own);
  if (isPresent || isNamed(events, vkey)) return { isPresent, isRecorded: false };
  throw new KeyRuleError(`${vkey} never was a key of this log.`);
}

interface LastChange {
  readonly old: string;
  readonly next: string;
  readonly head: RecordedKeyEvent['head'];
}

function lastChange(events: readonly RecordedKeyEvent[]): LastChange | undefined {
  for (const { event, head } of [...events].reverse()) {
    if (event.kind !== 'changed' || event.index < 0) continue;
    return { old: event.old.vkey, next: event.next.vkey, head };
  }
  return undefined;
}

function revocationOf(
  events: readonly RecordedKeyEvent[],
  publicKey: Buffer,
): { goodUntil: number; isCovered: boolean } | undefined {
  for (const { event, head } of events) {
    if (event.kind !== 'revoked' || !event.key.publicKey.equals(publicKey)) continue;
    return { goodUntil: event.goodUntil, isCovered: head !== undefined };
  }
  return undefined;
}

function isNamed(events: readonly RecordedKeyEvent[], vkey: string): boolean {
  return events.some(
    ({ event }) =>
      event.kind === 'changed' && (event.old.vkey === vkey || event.next.vkey === vkey),
  );
}

function hasSigned(note: string, origin: string, publicKey: Buffer): boolean {
  const policy = logsPolicy([noteVerifier(origin, publicKey)]);
  return openHead(note, policy, new Map()).keys.length > 0;
}
