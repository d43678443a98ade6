import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { isProbe } from '../observability/probes.js';
import { RateLimitsService } from './rate-limits.service.js';

/** Rate-limits requests per subject, whatever their address. Runs after authentication, which sets the subject. */
@Injectable()
export class SubjectLimitGuard implements CanActivate {
  constructor(private readonly limits: RateLimitsService) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { user, path } = http.getRequest<Request & { user?: Agent }>();
    if (user && !isProbe(path)) {
      http.getResponse<Response>().set(this.limits.consume('subject', user.subject));
    }
    return true;
  }
}
