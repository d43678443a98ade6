import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { AdmissionService } from './admission.service.js';

/** Limits requests per subject, whatever their address. Runs after authentication, which sets the subject. */
@Injectable()
export class SubjectLimitGuard implements CanActivate {
  constructor(private readonly admission: AdmissionService) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<Request & { user?: Agent }>();
    if (request.user) {
      const headers = this.admission.admit(request, request.user.subject);
      http.getResponse<Response>().set(headers);
    }
    return true;
  }
}
