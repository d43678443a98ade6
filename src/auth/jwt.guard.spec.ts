import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Module, type Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { EnvironmentModule } from '../config/environment.module.js';
import { parseEnvironment } from '../config/parse-environment.js';
import { ProblemFilter } from '../errors/problem.filter.js';
import { patchInterceptorsConsumer } from '../http/promise-interceptor.js';
import { trace } from '../http/trace.js';
import { ObservabilityModule } from '../observability/observability.module.js';
import { requestContext } from '../observability/request-context.js';
import { AuthModule } from './auth.module.js';
import { developmentToken } from './development-token.js';
import { JwtGuard } from './jwt.guard.js';
import { Policy } from './policy.decorator.js';
import { PolicyInterceptor } from './policy.interceptor.js';
import { permits } from './policy.js';

const JWT_SECRET = 'a secret for tests that is long enough';

@Controller('probe')
@Policy('status.read')
class ProbeController {
  @Get('open')
  open(): string {
    return 'open';
  }

  @Get('own')
  @Policy('tasks.list')
  own(): string {
    return requestContext()?.subject ?? 'no subject';
  }

  @Get('authorized')
  @Policy('approvals.create', 'approvals.decide')
  authorized(): string {
    return String(permits('approvals.decide', ['approver']));
  }

  @Get('forgotten')
  @Policy('tasks.read')
  forgotten(): string {
    return 'a task';
  }

  @Get('refused')
  @Policy('tasks.read')
  refused(): string {
    return `${permits('tasks.read', ['requester'])}: a task`;
  }
}

@Controller('others')
class UndeclaredController {
  @Get(':id')
  read(): string {
    return 'read';
  }

  @Get()
  @Policy('tasks.list')
  list(): string {
    return 'list';
  }
}

describe('The guard and the policy of a route', () => {
  let app: INestApplication<Server> | undefined;
  let url: string;

  async function serve(controller: Type): Promise<void> {
    @Module({
      imports: [
        EnvironmentModule.forRoot(parseEnvironment({ NODE_ENV: 'test', JWT_SECRET })),
        ObservabilityModule,
        AuthModule,
      ],
      controllers: [controller],
      providers: [
        { provide: APP_GUARD, useClass: JwtGuard },
        { provide: APP_INTERCEPTOR, useClass: PolicyInterceptor },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    })
    class Application {}
    const options = { logger: false, abortOnError: false } as const;
    app = await NestFactory.create<INestApplication<Server>>(Application, options);
    app.use(trace);
    patchInterceptorsConsumer();
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    url = `http://127.0.0.1:${port}`;
  }

  async function get(path: string, token?: string): Promise<[number, string]> {
    const headers = token === undefined ? undefined : { Authorization: `Bearer ${token}` };
    const response = await fetch(url + path, { ...(headers && { headers }) });
    const text = await response.text();
    return [response.status, response.status === 200 ? text : ''];
  }

  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const token = developmentToken(JWT_SECRET, { roles: ['finance'], sub: 'ana' });

  it('lets callers without a token reach public actions only', async () => {
    await serve(ProbeController);

    expect(await get('/probe/open')).toEqual([200, 'open']);
    for (const path of ['own', 'authorized', 'forgotten'])
      expect(await get(`/probe/${path}`)).toEqual([401, '']);
  });

  it('lets every caller perform an action that depends on no resource', async () => {
    await serve(ProbeController);

    expect(await get('/probe/own', token)).toEqual([200, 'agent-mesh-dev#ana']);
  });

  it('lets a handler succeed that authorized one of its actions', async () => {
    await serve(ProbeController);

    expect(await get('/probe/authorized', token)).toEqual([200, 'true']);
    // The second request finds the token verified.
    expect(await get('/probe/authorized', token)).toEqual([200, 'true']);
  });

  it.each(['forgotten', 'refused'])('fails a handler that was not authorized: %s', async (path) => {
    await serve(ProbeController);

    expect(await get(`/probe/${path}`, token)).toEqual([500, '']);
    expect(await get(`/probe/${path}`, token)).toEqual([500, '']);
  });

  it('refuses to start with a route that has no policy, and names it', async () => {
    await expect(serve(UndeclaredController)).rejects.toThrow(
      /^Routes without @Policy\(\): GET \/others\/:id$/,
    );
  });
});
