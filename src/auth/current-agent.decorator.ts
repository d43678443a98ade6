import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Agent } from './agent.js';
import { tokenMissing } from './token-errors.js';

/** Injects the caller into a controller method. Throws `auth.token_missing` on a public route, which has no caller. */
export const CurrentAgent = createParamDecorator((_: unknown, context: ExecutionContext): Agent => {
  const { user } = context.switchToHttp().getRequest<{ user?: Agent }>();
  if (user === undefined) throw tokenMissing();
  return user;
});
