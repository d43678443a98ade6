import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { isRecord } from './is-record.js';

/**
 * Returns the SHA-256 of a value in canonical JSON (RFC 8785). The order of members, white space and the notation of
 * numbers do not affect it. Returns undefined if the value has no canonical form: RFC 8785 requires I-JSON (RFC 7493), so
 * no lone surrogates, and numbers that fit a double (`1e400` does not).
 */
export function findCanonicalDigest(value: object): Buffer | undefined {
  const text = canonicalJson(value);
  return text === undefined ? undefined : hash('sha256', text, 'buffer');
}

function canonicalJson(value: object): string | undefined {
  try {
    return canonicalize(value) ?? '';
  } catch {
    return undefined;
  }
}

/**
 * Returns the SHA-256 of any JSON value, even one without canonical JSON (RFC 8785). The order of members does not affect
 * it. Iterative, so that deep nesting does not overflow the stack.
 */
export function structuralDigest(value: unknown): Buffer {
  const tokens: string[] = [];
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (next instanceof Token) tokens.push(next.text);
    else if (Array.isArray(next)) pushArray(open, next);
    else if (isRecord(next)) {
      const members = Object.entries(next).sort(([a], [b]) => (a < b ? 1 : -1));
      open.push(new Token('}'));
      for (const [name, member] of members)
        open.push(member, new Token(`${JSON.stringify(name)}:`));
      open.push(new Token('{'));
    } else tokens.push(typeof next === 'number' ? String(next) : JSON.stringify(next));
  }
  return hash('sha256', tokens.join(','), 'buffer');
}

class Token {
  constructor(readonly text: string) {}
}

/** Pushes one element at a time, because a large array has more elements than a call can have arguments. */
function pushArray(open: unknown[], array: readonly unknown[]): void {
  open.push(new Token(']'));
  for (let n = array.length - 1; n >= 0; n -= 1) open.push(array[n]);
  open.push(new Token('['));
}
