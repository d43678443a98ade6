import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  ConflictException,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  type NestInterceptor,
  Param,
  ParseIntPipe,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Request } from 'express';
import { concatMap, delay, of, type Observable } from 'rxjs';
import { patchInterceptorsConsumer, PromiseInterceptor } from './promise-interceptor.js';

let asked: string[] = [];

class Shouting extends PromiseInterceptor {
  appliesTo({ path }: Request): boolean {
    asked.push('isFor');
    return path !== '/whispered';
  }

  async interceptPromise(
    context: ExecutionContext,
    handle: () => Promise<unknown>,
  ): Promise<unknown> {
    const { name } = context.getHandler();
    const { path } = context.switchToHttp().getRequest<Request>();
    asked.push(`around ${context.getClass().name}.${name} of ${path}`);
    if (path === '/unasked') return 'NOT ASKED';
    try {
      return String(await handle()).toUpperCase();
    } catch (error) {
      asked.push('failed');
      throw error;
    }
  }
}

/** One that Nest has to call in its own way, and the other with it. */
class Usual implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

@Controller()
class Words {
  @Get('promised')
  async promised(): Promise<string> {
    await new Promise(setImmediate);
    return 'promised';
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get('observed')
  observed(): Observable<string> {
    return of('first', 'last').pipe(concatMap((word) => of(word).pipe(delay(1))));
  }

  @Get('whispered')
  whispered(): string {
    return 'whispered';
  }

  @Get('unasked')
  unasked(): string {
    throw new Error('it was asked');
  }

  @Get('refused')
  refused(): never {
    throw new ConflictException('refused');
  }

  @Get('numbers/:number')
  number(@Param('number', ParseIntPipe) number: number): number {
    return number;
  }
}

@Module({ controllers: [Words] })
class Application {}

let app: INestApplication<Server>;
let url: string;

async function serve(...interceptors: NestInterceptor[]): Promise<void> {
  app = await NestFactory.create(Application, { logger: false, forceCloseConnections: true });
  app.useGlobalInterceptors(...interceptors);
  patchInterceptorsConsumer();
  patchInterceptorsConsumer();
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
}

async function get(path: string): Promise<{ status: number; text: string }> {
  asked = [];
  const response = await fetch(url + path);
  const text = await response.text();
  return { status: response.status, text };
}

describe.each([
  ['called directly', () => serve(new Shouting())],
  ['called by Nest, among others', () => serve(new Usual(), new Shouting())],
])('A direct interceptor, %s', (_name, start) => {
  beforeAll(start);
  afterAll(() => app.close());

  it.each([
    ['/promised', 'PROMISED'],
    ['/plain', 'PLAIN'],
    ['/observed', 'LAST'],
    ['/numbers/12', '12'],
  ])('is given what the handler of %s makes', async (path, text) => {
    expect(await get(path)).toEqual({ status: 200, text });
  });

  it('may answer without the handler', async () => {
    expect(await get('/unasked')).toEqual({ status: 200, text: 'NOT ASKED' });
  });

  it('is told which handler it is around', async () => {
    await get('/plain');

    expect(asked).toContain('around Words.plain of /plain');
  });

  it('sees the handler fail, and what a pipe refuses', async () => {
    const refused = await get('/refused');
    const sawRefusal = asked.includes('failed');
    const notNumber = await get('/numbers/twelve');

    expect([refused.status, sawRefusal]).toEqual([409, true]);
    expect([notNumber.status, asked.includes('failed')]).toEqual([400, true]);
  });
});

describe('A direct interceptor that is the only one', () => {
  beforeAll(() => serve(new Shouting()));
  afterAll(() => app.close());
  beforeEach(() => {
    asked = [];
  });

  it('is asked first whether the request is for it', async () => {
    await get('/plain');

    expect(asked).toEqual(['isFor', 'around Words.plain of /plain']);
  });

  it('is not called for a request that is not', async () => {
    expect(await get('/whispered')).toEqual({ status: 200, text: 'whispered' });
    expect(asked).toEqual(['isFor']);
  });
});

/** Adds its name around the result of the handler. */
class Bracketing extends PromiseInterceptor {
  constructor(
    private readonly name: string,
    private readonly path?: string,
  ) {
    super();
  }

  appliesTo({ path }: Request): boolean {
    return this.path === undefined || path === this.path;
  }

  async interceptPromise(
    _context: ExecutionContext,
    handle: () => Promise<unknown>,
  ): Promise<unknown> {
    return `${this.name}(${String(await handle())})`;
  }
}

describe('Several direct interceptors', () => {
  beforeAll(() => serve(new Bracketing('outer'), new Bracketing('inner', '/plain')));
  afterAll(() => app.close());

  it('are called in their order, the first outermost', async () => {
    expect(await get('/plain')).toEqual({ status: 200, text: 'outer(inner(plain))' });
  });

  it('are called only for the requests that they apply to', async () => {
    expect(await get('/promised')).toEqual({ status: 200, text: 'outer(promised)' });
    expect(await get('/observed')).toEqual({ status: 200, text: 'outer(last)' });
  });
});

describe('Any other interceptor', () => {
  beforeAll(() => serve(new Usual()));
  afterAll(() => app.close());

  it('is called by Nest', async () => {
    expect(await get('/observed')).toEqual({ status: 200, text: 'last' });
  });
});
