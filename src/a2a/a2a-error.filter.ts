import { type ArgumentsHost, Catch, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AccessDenialsService } from '../audit/access-denials.service.js';
import type { Agent } from '../auth/agent.js';
import { toFailure, writeFailure } from './a2a-failure.js';
import { bindingOf } from './a2a-path.js';
import { requestIdOf } from './a2a-input.js';

/** Sends the errors of guards in the form of the binding. */
@Injectable()
@Catch()
export class A2aErrorFilter {
  constructor(private readonly accessDenials: AccessDenialsService) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<Request & { user?: Agent }>();
    const response = http.getResponse<Response>();
    const { user: agent, method, path, originalUrl } = request;
    await this.accessDenials.record({ agent, method, path }, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const binding = bindingOf(originalUrl) ?? 'rest';
    writeFailure(response, { binding, id: requestIdOf(request.body) }, toFailure(error));
  }
}
