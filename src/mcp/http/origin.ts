import { DomainError } from '../../errors/domain-error.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Refuses what a page of a foreign site sends: a browser names the page's origin. Other clients name none. Protects
 * controllers on somebody's own machine from DNS rebinding (MCP 2025-11-25, Streamable HTTP, security warning).
 *
 * @throws DomainError `mcp.origin_not_allowed`
 */
export function assertOrigin(origin: string | undefined, allowed: readonly string[]): void {
  if (origin === undefined || allowed.includes(origin)) return;
  if (URL.canParse(origin) && LOOPBACK.test(new URL(origin).hostname)) return;
  throw new DomainError(
    'mcp.origin_not_allowed',
    'Pages of this origin may not call; see CORS_ORIGINS.',
  );
}
