import { DomainError } from '../errors/domain-error.js';
import type { PauseColumns } from './role-pauses.sql.js';

/** The pause that keeps a caller from a claim. */
export interface PauseNotice {
  role: string;
  reason: string;
  /** End of the pause, RFC 3339; null: when it is resumed. */
  until: string | null;
}

/** Returns the pause in a row of a statement made by `unlessPaused`; null if the role is not paused. */
export function toPauseNotice(
  role: string,
  { pause_reason: reason, pause_until: until }: PauseColumns,
): PauseNotice | null {
  return reason === null ? null : { role, reason, until: until?.toISOString() ?? null };
}

/** Error for a claim or activation of an attempt whose role is paused. */
export function rolePaused({ role, reason, until }: PauseNotice): DomainError {
  const end = until === null ? 'until it is resumed' : `until ${new Date(until).toISOString()}`;
  return new DomainError(
    'role.paused',
    `The role ${role} is paused ${end}. Reason: ${reason}. Claim the task after the pause.`,
  );
}

/** Response header with the pause because of which a claim or a wait returned nothing. */
export const ROLE_PAUSED = 'Role-Paused';

/**
 * Returns the value of {@link ROLE_PAUSED}: the parameters `reason*`, encoded by RFC 8187, and `until`, if the pause has
 * an end.
 */
export function toPauseHeader({ reason, until }: Omit<PauseNotice, 'role'>): string {
  const encoded = encodeURIComponent(reason).replace(/['()*]/g, percentEncoded);
  return `reason*=UTF-8''${encoded}${until === null ? '' : `; until="${until}"`}`;
}

/** Parses the value of {@link ROLE_PAUSED}. Undefined if it is not one. */
export function parsePauseHeader(header: string): Omit<PauseNotice, 'role'> | undefined {
  const [, encoded, until] = /^reason\*=UTF-8''([^\s;]*)(?:; until="([^"]*)")?$/.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  try {
    return { reason: decodeURIComponent(encoded), until: until ?? null };
  } catch {
    return undefined;
  }
}

/** `encodeURIComponent` keeps these characters, which are not `attr-char` of RFC 8187. */
function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
