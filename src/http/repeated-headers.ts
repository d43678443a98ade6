import type { IncomingMessage } from 'node:http';

/**
 * Returns the headers that a request contains more than once. Node keeps the first value or joins them, without notice.
 * A request without a repeated header has as many names as headers, which is checked first.
 */
export function repeatedHeaders(
  { headers, rawHeaders }: IncomingMessage,
  names: readonly string[],
): string[] {
  if (Object.keys(headers).length === rawHeaders.length / 2) return [];
  // rawHeaders alternates names and values.
  const sent = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  return names.filter((name) => sent.filter((each) => each === name.toLowerCase()).length > 1);
}
