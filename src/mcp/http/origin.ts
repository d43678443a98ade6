import { isLoopback } from '../../common/loopback.js';
import { DomainError } from '../../errors/domain-error.js';

/**
 * Refuses requests from web pages of other origins. Only browsers send `Origin`. Protects controllers on the user's own
 * machine from DNS rebinding (MCP 2025-11-25, Streamable HTTP, security warning).
 *
 * @throws DomainError `mcp.origin_not_allowed`
 */
export function assertOrigin(origin: string | undefined, allowed: readonly string[]): void {
  if (origin === undefined || allowed.includes(origin)) return;
  if (URL.canParse(origin) && isLoopback(new URL(origin).hostname)) return;
  throw new DomainError(
    'mcp.origin_not_allowed',
    'Web pages of the origin in the header Origin are not allowed. The operator lists allowed origins in CORS_ORIGINS.',
  );
}
