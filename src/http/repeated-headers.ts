import type { IncomingMessage } from 'node:http';

/**
 * Which of these headers a request carries more than once. Node keeps the first of some, or joins them, and does not
 * tell; but hardly any request repeats one, so that it has as many names as headers.
 */
export function repeatedHeaders(
  { headers, rawHeaders }: IncomingMessage,
  names: readonly string[],
): string[] {
  if (Object.keys(headers).length === rawHeaders.length / 2) return [];
  // Names and values take turns.
  const sent = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  return names.filter((name) => sent.filter((each) => each === name.toLowerCase()).length > 1);
}
