import { isRecord } from '../../common/is-record.js';
import { withoutNullMembers } from '../../http/aliases.js';
import { failureText, reportsFailure } from '../../http/failure-report.js';
import type { Repair } from '../../http/normalise.decorator.js';
import { assertJsonLimits } from '../../http/json-limits.js';

const MAX_METADATA_LENGTH = 2 ** 20;

/**
 * Returns a transformation that makes a failure report storable, so that the report is never refused for its size or
 * characters. It converts the error to a string of bounded length and drops unknown members and metadata that exceeds the
 * body limits. A mark at the end of the error names the dropped members. Other bodies pass unchanged.
 *
 * @param known names of the members that the request body defines
 * @throws InvalidInputError if a remaining member exceeds the body limits
 */
export function fromFailureBody(known: readonly string[]): Repair {
  return (body) => {
    if (!isRecord(body) || !reportsFailure(body)) return body;
    const { error: given, ...members } = withoutNullMembers(body);
    const entries = Object.entries(members);
    const isKept = ([name, value]: [string, unknown]): boolean =>
      known.includes(name) && (name !== 'metadata' || isStorable(value));
    const kept = Object.fromEntries(entries.filter(isKept));
    const notStored = entries.filter((entry) => !isKept(entry)).map(([name]) => name);
    // Other members, such as a result, are data: they are refused rather than changed.
    assertJsonLimits(kept);
    const error = failureText(given, notStored);
    return { ...kept, ...(error !== undefined && { error }) };
  };
}

function isStorable(metadata: unknown): boolean {
  try {
    assertJsonLimits(metadata);
    return isRecord(metadata) && JSON.stringify(metadata).length <= MAX_METADATA_LENGTH;
  } catch {
    return false;
  }
}
