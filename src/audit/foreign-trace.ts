import { parse, v5 } from 'uuid';

/** The namespace of derived traces (RFC 9562 section 5.5): random, made once for this purpose, never to be changed. */
const NAMESPACE = parse('4f8b7a52-6c0e-4d0b-9f4e-5d1c1a0f7e36');

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Whether a trace id is a UUID, with or without its hyphens. */
export function isUuidTrace(trace: string): boolean {
  return UUID.test(trace);
}

/**
 * The UUID that a trace is stored under: the id itself where it is one, else the UUID (version 5, RFC 9562) of the id.
 * The same id always has the same UUID, so that the events of one foreign trace stay together, whichever agent reports
 * them.
 */
export function traceUuid(trace: string): string {
  if (!isUuidTrace(trace)) return v5(trace, NAMESPACE);
  return trace
    .replaceAll('-', '')
    .toLowerCase()
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
