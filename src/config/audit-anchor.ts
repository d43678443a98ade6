import { fileURLToPath } from 'node:url';
import { isLoopback } from '../common/loopback.js';

/** A place outside of the database that receives the heads of the sealed log. */
export interface AuditAnchor {
  /** The name in logs, metrics and the database: the URL without user, password and query. */
  readonly name: string;
  readonly kind: 'file' | 'http' | 'timestamp';
  /** A path for `file`, otherwise a URL. */
  readonly target: string;
}

/**
 * Parses one value of AUDIT_ANCHORS: `file:///path`, `https://…` or `tsa+https://…`. Plain http is for this machine only.
 *
 * @throws Error that names the variable
 */
export function parseAnchor(text: string): AuditAnchor {
  const [, isTimestamp, address = ''] = /^(tsa\+)?(.*)$/s.exec(text) ?? [];
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'file:' && isTimestamp === undefined && url.host === '') {
    const target = fileURLToPath(url);
    return { name: text, kind: 'file', target };
  }
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (!url || !isSafe) {
    throw new Error(
      'AUDIT_ANCHORS must hold URLs such as file:///path, https://host/path or tsa+https://host/path',
    );
  }
  const name = `${isTimestamp ?? ''}${url.origin}${url.pathname}`;
  return { name, kind: isTimestamp === undefined ? 'http' : 'timestamp', target: address };
}
