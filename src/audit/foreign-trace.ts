import { parse, v5 } from 'uuid';
import { uuidFromHex } from '../common/uuid.js';

/** Namespace of derived trace ids (RFC 9562 section 5.5). A change would separate new events from stored ones. */
const NAMESPACE = parse('4f8b7a52-6c0e-4d0b-9f4e-5d1c1a0f7e36');

const UUID_WITH_OR_WITHOUT_HYPHENS =
  /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Returns whether a trace id is a UUID, with or without hyphens. */
export function isUuidTrace(trace: string): boolean {
  return UUID_WITH_OR_WITHOUT_HYPHENS.test(trace);
}

/**
 * Returns the UUID that a trace is stored under: the id itself if it is a UUID, else its version 5 UUID (RFC 9562). The
 * same id always has the same UUID, so that one trace id finds the events of all agents that report it.
 */
export function traceUuid(trace: string): string {
  if (!isUuidTrace(trace)) return v5(trace, NAMESPACE);
  return uuidFromHex(trace.replaceAll('-', ''));
}
