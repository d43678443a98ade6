import type { Head } from './event-log.repository.js';

/** The place of a reader in the event log: it has received all events up to `position`. */
export type EventCursor = Head;

const PATTERN = /^(?:(\d{1,9})\.)?(\d{1,15})$/;

/** Returns the text of a cursor. Clients treat it as opaque. */
export function formatCursor({ epoch, position }: EventCursor): string {
  return `${epoch}.${position}`;
}

/** Parses a cursor, or a position of the present epoch; undefined if the text is neither. */
export function parseCursor(text: string, presentEpoch: number): EventCursor | undefined {
  const [, epoch, position] = PATTERN.exec(text) ?? [];
  if (position === undefined) return undefined;
  return {
    epoch: epoch === undefined ? presentEpoch : Number(epoch),
    position: Number(position),
  };
}
