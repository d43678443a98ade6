import { type ExecutionContext, Injectable } from '@nestjs/common';
import { PromiseInterceptor } from '../http/promise-interceptor.js';
import { requestContext } from '../observability/request-context.js';
import { PolicyChecksService } from './policy-checks.service.js';

/**
 * Checks after each handler whether its service authorized the action of the route. Runs inside the idempotency
 * interceptor: the transaction of a keyed request rolls back if the check fails, and a replay is not checked.
 */
@Injectable()
export class PolicyInterceptor extends PromiseInterceptor {
  constructor(private readonly checks: PolicyChecksService) {
    super();
  }

  appliesTo(): boolean {
    return requestContext()?.requiredActions !== undefined;
  }

  interceptPromise(context: ExecutionContext, handle: () => Promise<unknown>): Promise<unknown> {
    return this.checks.run(`${context.getClass().name}.${context.getHandler().name}`, handle);
  }
}
