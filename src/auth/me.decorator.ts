import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Agent } from './agent.js';
import { tokenMissing } from './token-errors.js';

/** The agent that calls, as a parameter of a controller method. On a public route there is none: it is refused. */
export const Me = createParamDecorator((_: unknown, context: ExecutionContext): Agent => {
  const { user } = context.switchToHttp().getRequest<{ user?: Agent }>();
  if (user === undefined) throw tokenMissing();
  return user;
});
