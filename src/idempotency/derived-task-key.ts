import { parse, v5 } from 'uuid';

/** The random namespace of derived database keys (RFC 9562 section 5.5). It must never change. */
const NAMESPACE = parse('0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22');

/**
 * Returns the database key (UUID version 5, RFC 9562) of a task whose idempotency key is not a free UUID.
 *
 * @param generation number of times that the idempotency key has been new; each creates a task of its own
 */
export function derivedTaskKey(scope: Buffer, generation: number): string {
  return v5(Buffer.from(`${scope.toString('hex')}:${generation}`), NAMESPACE);
}
