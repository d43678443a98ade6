import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Agent } from '../auth/agent.js';
import { POLICY_KEY, type RoutePolicy } from '../auth/policy.decorator.js';
import { Environment } from '../config/environment.js';
import { HeadHeaderService } from './head-header.service.js';

/**
 * Sets `Mesh-Audit-Head` of the responses that AUDIT_HEAD_HEADER selects, for callers with a token. It refuses no request. It
 * is a guard because guards run after the token is verified, and before everything that can fail.
 */
@Injectable()
export class HeadHeaderGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly header: HeadHeaderService,
    private readonly environment: Environment,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const { value } = this.header;
    if (value === undefined) return true;
    const http = context.switchToHttp();
    const { user } = http.getRequest<IncomingMessage & { user?: Agent }>();
    if (user && this.isSelected(context)) {
      http.getResponse<ServerResponse>().setHeader('Mesh-Audit-Head', value);
    }
    return true;
  }

  private isSelected(context: ExecutionContext): boolean {
    if (this.environment.AUDIT_HEAD_HEADER === 'all') return true;
    const policy = this.reflector.getAllAndOverride<RoutePolicy | undefined>(POLICY_KEY, [
      context.getHandler(),
      context.getClass(),
    ]);
    return policy?.actions.some((action) => action.startsWith('approvals.')) === true;
  }
}
