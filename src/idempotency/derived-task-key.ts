import { parse, v5 } from 'uuid';

/** The namespace of derived keys (RFC 9562 section 5.5): random, made once for this purpose, never to be changed. */
const NAMESPACE = parse('0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22');

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The UUID (version 5, RFC 9562) that a task is stored under when the client's key is not a UUID or is taken.
 * `generation` counts how often the same key was used again after it expired: each makes a task of its own.
 */
export function derivedTaskKey(scope: Buffer, generation: number): string {
  return v5(Buffer.from(`${scope.toString('hex')}:${generation}`), NAMESPACE);
}

/** The key in lower case when it is a UUID of any version in the form 8-4-4-4-12. */
export function uuidOf(key: string): string | undefined {
  const lower = key.toLowerCase();
  return UUID.test(lower) ? lower : undefined;
}
