import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Logger, Module, Param, Post } from '@nestjs/common';
import type { TestingModuleBuilder } from '@nestjs/testing';
import type { Agent } from '../../../src/auth/agent.js';
import { CurrentAgent } from '../../../src/auth/current-agent.decorator.js';
import { PolicyChecksService } from '../../../src/auth/policy-checks.service.js';
import { Policy } from '../../../src/auth/policy.decorator.js';
import { parseEnvironment } from '../../../src/config/parse-environment.js';
import { HealthModule } from '../../../src/health/health.module.js';
import { MetricsService } from '../../../src/observability/metrics.service.js';
import type { TimelineDto } from '../../../src/tasks/dto/task-history.dto.js';
import { TaskHistoryService } from '../../../src/tasks/task-history.service.js';
import { TasksModule } from '../../../src/tasks/tasks.module.js';
import { TasksService } from '../../../src/tasks/tasks.service.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { expectNoEffect, keyHeader, rowCounts } from '../../support/idempotency.js';
import { expectProblem, routeTask } from '../../support/kit.js';
import { McpAgents } from '../../support/mcp.js';

/** Routes that change or read without the authorization of their action. */
@Controller('forgetful')
class ForgetfulController {
  constructor(private readonly tasks: TasksService) {}

  @Post(':target')
  @Policy('tasks.control')
  route(@Param('target') target: string, @CurrentAgent() agent: Agent): Promise<object> {
    return this.tasks.route(agent, {
      target,
      task: { task_type: 'forgotten', description: '', data: {} },
      context: {},
      max_attempts: 3,
    });
  }
}

@Module({ imports: [TasksModule], controllers: [ForgetfulController] })
class ForgetfulModule {}

class ForgetfulHistory extends TaskHistoryService {
  override timeline(): Promise<TimelineDto> {
    return Promise.resolve({ events: [], complete: true, waits_for: [] });
  }
}

const PRODUCTION = parseEnvironment({
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://db.example.com/mesh',
  OIDC_ISSUER_URL: 'https://id.example.com',
  OIDC_JWKS_URL: 'https://id.example.com/jwks',
  OIDC_AUDIENCE: 'mesh',
});

describe('a service that does not authorize the action of its route', () => {
  let mesh: TestApp;

  const forgetful = (builder: TestingModuleBuilder): TestingModuleBuilder =>
    builder
      .overrideModule(HealthModule)
      .useModule(ForgetfulModule)
      .overrideProvider(TaskHistoryService)
      .useClass(ForgetfulHistory);

  async function timelineTool(id: string): Promise<{ isError: boolean; code?: string }> {
    const agents = new McpAgents('http', mesh.url);
    const agent = await agents.agent(tokenFor('stranger'));
    try {
      const { isError, code } = await agent.call('task_timeline', { task_id: id });
      return { isError, ...(code !== undefined && { code }) };
    } finally {
      await agent.close();
      await agents.close();
    }
  }

  const countOf = async (action: string): Promise<number | undefined> => {
    const { registry } = mesh.app.get(MetricsService);
    const values = (await registry.getSingleMetric('mesh_unauthorized_actions_total')?.get())
      ?.values;
    return values?.find(({ labels }) => labels.action === action)?.value;
  };

  describe('outside production', () => {
    beforeAll(async () => {
      mesh = await startTestApp({ override: forgetful });
      mesh.app.useLogger(false);
    });
    afterAll(() => mesh.close());

    it('fails the request with 500', async () => {
      const task = await routeTask(mesh, 'finance', 'manager');

      expectProblem(
        await mesh.agent('stranger').get(`/tasks/${task}/timeline`),
        500,
        'server.error',
      );
    });

    it('fails the tool call', async () => {
      const task = await routeTask(mesh, 'finance', 'manager');

      expect(await timelineTool(task)).toEqual({ isError: true, code: 'server.error' });
    });

    it('commits nothing of a keyed request, and stores no record', async () => {
      const [client, headers] = [mesh.agent('finance'), keyHeader()];
      for (let tries = 0; tries < 2; tries++) {
        const answer = await expectNoEffect(mesh, () =>
          client.post(`/forgetful/${newSubject('target')}`, {}, headers),
        );
        expectProblem(answer, 500, 'server.error');
      }
    });
  });

  describe('in production', () => {
    const logged: string[] = [];

    beforeAll(async () => {
      mesh = await startTestApp({
        override: (builder) =>
          forgetful(builder)
            .overrideProvider(PolicyChecksService)
            .useFactory({
              factory: (metrics: MetricsService) => new PolicyChecksService(PRODUCTION, metrics),
              inject: [MetricsService],
            }),
      });
      mesh.app.useLogger({
        log: () => undefined,
        warn: () => undefined,
        error: (message: unknown) => logged.push(String(message)),
      });
    });
    afterAll(async () => {
      await mesh.close();
      Logger.overrideLogger(false);
    });

    it('is counted and logged, and the response is sent', async () => {
      const task = await routeTask(mesh, 'finance', 'manager');
      logged.length = 0;

      expect((await mesh.agent('stranger').get(`/tasks/${task}/timeline`)).status).toBe(200);
      expect(await countOf('tasks.read')).toBe(1);
      expect(await timelineTool(task)).toEqual({ isError: false });
      expect(await countOf('tasks.read')).toBe(2);
      expect(logged).toEqual([
        'TaskDetailsController.timeline succeeded, but its service did not authorize tasks.read',
        'read_timeline succeeded, but its service did not authorize tasks.read',
      ]);
    });

    it('is counted once for a keyed request and its replay, whose effect is committed', async () => {
      const [client, headers] = [mesh.agent('finance'), keyHeader()];
      const path = `/forgetful/${newSubject('target')}`;
      const before = await rowCounts(mesh);

      expect((await client.post(path, {}, headers)).status).toBe(201);
      expect((await client.post(path, {}, headers)).status).toBe(200);
      expect(await countOf('tasks.control')).toBe(1);
      expect(await rowCounts(mesh)).not.toEqual(before);
    });
  });
});
