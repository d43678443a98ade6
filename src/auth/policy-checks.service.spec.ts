import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { parseEnvironment } from '../config/parse-environment.js';
import { DomainError } from '../errors/domain-error.js';
import { MetricsService } from '../observability/metrics.service.js';
import { type RequestContext, withRequestContext } from '../observability/request-context.js';
import { authorize, permits } from './policy.js';
import { PolicyChecksService } from './policy-checks.service.js';

const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://db.example.com/mesh',
  OIDC_ISSUER_URL: 'https://id.example.com',
  OIDC_JWKS_URL: 'https://id.example.com/jwks',
  OIDC_AUDIENCE: 'mesh',
};

const notFound = (): DomainError => new DomainError('task.not_found', 'There is no such task.');

describe('The policy check', () => {
  let metrics: MetricsService;
  let checks: PolicyChecksService;

  const start = (variables: Record<string, string>): void => {
    metrics = new MetricsService();
    checks = new PolicyChecksService(parseEnvironment(variables), metrics);
  };

  const run = <T>(
    requiredActions: RequestContext['requiredActions'],
    handle: () => Promise<T>,
  ): Promise<T> =>
    withRequestContext({ traceId: 'trace', ...(requiredActions && { requiredActions }) }, () =>
      checks.run('TasksController.get', handle),
    );

  const counted = async (): Promise<unknown[]> => {
    const counter = metrics.registry.getSingleMetric('mesh_unauthorized_actions_total');
    return (await counter?.get())?.values ?? [];
  };

  describe.each(['test', 'development'])('with NODE_ENV=%s', (NODE_ENV) => {
    beforeEach(() => {
      start({ NODE_ENV });
    });

    it('passes a handler that authorized the action, also after a wait', async () => {
      const handle = async (): Promise<string> => {
        await new Promise(setImmediate);
        authorize('tasks.read', ['participant'], notFound);
        return 'task';
      };

      expect(await run(['tasks.read'], handle)).toBe('task');
      expect(await counted()).toEqual([]);
    });

    it('passes a handler that authorized one of several actions', async () => {
      const handle = (): Promise<boolean> =>
        Promise.resolve(permits('approvals.decide', ['approver']));

      expect(await run(['approvals.create', 'approvals.decide'], handle)).toBe(true);
    });

    it('fails a handler that authorized nothing', async () => {
      await expect(run(['tasks.read'], () => Promise.resolve('task'))).rejects.toThrow(
        'TasksController.get succeeded, but its service did not authorize tasks.read',
      );
      expect(await counted()).toEqual([{ value: 1, labels: { action: 'tasks.read' } }]);
    });

    it('fails a handler that authorized another action, or was refused and went on', async () => {
      const handle = (): Promise<boolean> => {
        authorize('tasks.read', ['participant'], notFound);
        return Promise.resolve(permits('tasks.control', ['participant']));
      };

      await expect(run(['tasks.control'], handle)).rejects.toThrow('did not authorize');
    });

    it('requires the authorization of each execution: an earlier one that failed does not count', async () => {
      let number = 0;
      const handle = (): Promise<string> => {
        number += 1;
        if (number > 1) return Promise.resolve('task');
        authorize('tasks.read', ['participant'], notFound);
        throw new Error('deadlock');
      };
      const twice = withRequestContext(
        { traceId: 'trace', requiredActions: ['tasks.read'] },
        async () => {
          await expect(checks.run('x', async () => handle())).rejects.toThrow('deadlock');
          return checks.run('x', async () => handle());
        },
      );

      await expect(twice).rejects.toThrow('did not authorize');
    });

    it('leaves the error of a handler as it is', async () => {
      const handle = (): Promise<never> => Promise.reject(notFound());

      await expect(run(['tasks.read'], handle)).rejects.toThrow('There is no such task.');
      expect(await counted()).toEqual([]);
    });

    it('requires nothing of a handler whose actions depend on no resource', async () => {
      expect(await run(undefined, () => Promise.resolve('tasks'))).toBe('tasks');
    });
  });

  describe('with NODE_ENV=production', () => {
    it('counts and logs a violation, and returns the result', async () => {
      start(PRODUCTION);
      const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      try {
        const actions = ['approvals.create', 'approvals.decide'];
        expect(await run(actions, () => Promise.resolve('approval'))).toBe('approval');
        expect(log.mock.calls).toEqual([
          [
            'TasksController.get succeeded, but its service did not authorize approvals.create or approvals.decide',
          ],
        ]);
      } finally {
        log.mockRestore();
      }
      expect(await counted()).toEqual([
        { value: 1, labels: { action: 'approvals.create,approvals.decide' } },
      ]);
    });
  });
});
