import { type ArgumentsHost, Catch } from '@nestjs/common';
import type { Request } from 'express';
import type { Agent } from '../auth/agent.js';
import { ProblemFilter } from '../errors/problem.filter.js';
import { AccessDenialsService } from './access-denials.service.js';

/** Records each denied request, then sends the error response. */
@Catch()
export class AccessDenialsFilter extends ProblemFilter {
  constructor(private readonly accessDenials: AccessDenialsService) {
    super();
  }

  override async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const { user: agent, method, path } = requestOf(host);
    await this.accessDenials.record({ agent, method, path }, error);
    await super.catch(error, host);
  }
}

function requestOf(host: ArgumentsHost): Request & { user?: Agent } {
  return host.switchToHttp().getRequest<Request & { user?: Agent }>();
}
