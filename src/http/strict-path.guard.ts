import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { DomainError } from '../errors/domain-error.js';

/** A percent-encoded character that needs no encoding (RFC 3986 section 2.3): a letter, a digit, `-`, `.`, `_` or `~`. */
const NEEDLESS = /%(?:2[de]|3\d|[46][1-9a-f]|5[0-9af]|7[0-9ae])/i;

/** Whether a path encodes characters that need no encoding. */
export function isNeedlesslyEncoded(path: string): boolean {
  return path.includes('%') && NEEDLESS.test(path);
}

/**
 * Refuses paths with needlessly encoded characters, such as `/tasks/w%61it`. So each resource has one path, and a limit or
 * an idempotency key that depends on the path cannot be avoided with another spelling.
 */
@Injectable()
export class StrictPathGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { path } = context.switchToHttp().getRequest<Request>();
    if (!isNeedlesslyEncoded(path)) return true;
    throw new DomainError(
      'request.malformed',
      'The path must not encode letters, digits and the characters - . _ ~ with a percent sign.',
    );
  }
}
