import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Environment } from '../config/environment.js';
import { MetricsService } from '../observability/metrics.service.js';
import { requestContext } from '../observability/request-context.js';
import { POLICY } from './policy.js';

/** Detects handlers that complete without the authorization that the policy of their route requires. */
@Injectable()
export class PolicyChecksService implements OnModuleInit {
  private readonly logger = new Logger(PolicyChecksService.name);
  private readonly unauthorized: Counter<'action'>;

  constructor(
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    this.unauthorized = new Counter({
      name: 'mesh_unauthorized_actions_total',
      help: 'Requests that succeeded although their service did not authorize the action of the route: a bug.',
      labelNames: ['action'],
      registers: [registry],
    });
  }

  /** Shows a count of each action, so that the rate of the first violation can be computed. */
  onModuleInit(): void {
    for (const action of Object.keys(POLICY)) this.unauthorized.inc({ action }, 0);
  }

  /**
   * Runs the handler of a request. When it succeeds, one of the required actions of the request context must have been
   * authorized by this execution. A violation is counted. In production it is also logged, so that a bug does not stop the
   * work of callers. Elsewhere the request fails.
   *
   * @param name name of the handler, for the log
   * @throws Error after a violation, except in production
   */
  async run<T>(name: string, handle: () => Promise<T>): Promise<T> {
    const context = requestContext();
    const required = context?.requiredActions;
    if (!context || !required) return handle();
    const authorized = new Set<string>();
    context.authorizedActions = authorized;
    const result = await handle();
    if (!required.some((action) => authorized.has(action))) this.report(name, required);
    return result;
  }

  private report(name: string, required: readonly string[]): void {
    this.unauthorized.inc({ action: required.join(',') });
    const message = `${name} succeeded, but its service did not authorize ${required.join(' or ')}`;
    if (this.environment.NODE_ENV !== 'production') throw new Error(message);
    this.logger.error(message);
  }
}
