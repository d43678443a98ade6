import type { Finding } from './findings.js';
import type { Checkpoint } from './note.js';

/**
 * Compares a log with heads that were kept outside of it. Only they show that its end was cut, or that it was rebuilt with
 * the signing key.
 *
 * @param size the number of entries of the log
 * @param rootAt returns the root of the log at a size up to that; undefined if it cannot be computed
 */
export function compareHeads(
  heads: readonly Checkpoint[],
  size: number,
  rootAt: (size: number) => Buffer | undefined,
): Finding[] {
  const ascending = [...heads].sort((a, b) => a.size - b.size);
  const findings: Finding[] = [];
  let agreed = 0;
  let rebuilt = false;
  for (const head of ascending) {
    if (head.size > size) {
      findings.push({ kind: 'DIVERGED', message: cut(size, head.size) });
      break;
    }
    const root = rootAt(head.size);
    if (root === undefined) {
      const message = `the root at the published head of ${head.size} cannot be computed`;
      findings.push({ kind: 'INCOMPLETE', message });
    } else if (root.equals(head.root)) {
      if (!rebuilt) agreed = head.size;
    } else if (!rebuilt) {
      rebuilt = true;
      findings.push({ kind: 'DIVERGED', message: forked(agreed, head.size) });
    }
  }
  return findings;
}

function cut(size: number, published: number): string {
  const last = published - 1;
  const entries = last === size ? `entry ${size} was` : `entries ${size} to ${last} were`;
  return `log ends at ${size}; a head of ${published} was published: ${entries} cut`;
}

function forked(agreed: number, published: number): string {
  return `published head of ${published} is not of this log: rebuilt at or after entry ${agreed}, before ${published}`;
}
