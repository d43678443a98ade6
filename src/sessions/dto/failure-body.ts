import { isObject, withoutNulls } from '../../http/aliases.js';
import { failureText, reportsFailure } from '../../http/failure-report.js';
import type { Repair } from '../../http/normalise.decorator.js';
import { assertShape } from '../../http/shape.js';

const MAX_METADATA_LENGTH = 2 ** 20;

/**
 * Makes of the report of a failure what can be stored, so that it is never refused for its size or characters. The error
 * becomes a text of bounded length. Members that the request does not have, and metadata that breaks the limits of a
 * body, are left out. A mark at the end of the error names what is missing.
 *
 * @param known the members of the request
 */
export function fromFailureBody(known: readonly string[]): Repair {
  return (body) => {
    if (!isObject(body) || !reportsFailure(body)) return body;
    const { error: given, ...members } = withoutNulls(body);
    const entries = Object.entries(members);
    const isKept = ([name, value]: [string, unknown]): boolean =>
      known.includes(name) && (name !== 'metadata' || isStorable(value));
    const kept = Object.fromEntries(entries.filter(isKept));
    const notStored = entries.filter((entry) => !isKept(entry)).map(([name]) => name);
    // What decides more than the text, such as a result, has to have the shape of any other body.
    assertShape(kept);
    const error = failureText(given, notStored);
    return { ...kept, ...(error !== undefined && { error }) };
  };
}

function isStorable(metadata: unknown): boolean {
  try {
    assertShape(metadata);
    return isObject(metadata) && JSON.stringify(metadata).length <= MAX_METADATA_LENGTH;
  } catch {
    return false;
  }
}
