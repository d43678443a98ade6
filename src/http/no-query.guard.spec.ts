import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  type INestApplication,
  Module,
  Param,
  Query,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Response } from 'express';
import { InvalidInputError } from '../errors/domain-error.js';
import { NoQueryGuard } from './no-query.guard.js';

@Controller()
class Items {
  @Get('with-query')
  list(@Query() query: Record<string, string>): string {
    return JSON.stringify(query);
  }

  @Get('with-one-parameter')
  find(@Query('name') name: string): string {
    return name;
  }

  @Get('without-query/:id')
  get(@Param('id') id: string): string {
    return id;
  }
}

@Catch(InvalidInputError)
class Refusal implements ExceptionFilter {
  catch({ extras }: InvalidInputError, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().status(400).json(extras.errors);
  }
}

@Module({ controllers: [Items] })
class Application {}

describe('A query', () => {
  let app: INestApplication<Server>;
  let url: string;

  beforeAll(async () => {
    app = await NestFactory.create(Application, { logger: false, forceCloseConnections: true });
    app.useGlobalGuards(new NoQueryGuard());
    app.useGlobalFilters(new Refusal());
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(() => app.close());

  it.each([
    ['/with-query?a=1&b=2', '{"a":"1","b":"2"}'],
    ['/with-one-parameter?name=x&other=y', 'x'],
    ['/without-query/7', '7'],
    ['/without-query/7?', '7'],
  ])('is accepted: %s', async (path, text) => {
    const response = await fetch(url + path);

    expect([response.status, await response.text()]).toEqual([200, text]);
  });

  it('is refused by a route without query parameters', async () => {
    const response = await fetch(`${url}/without-query/7?dry_run=true&a~b=1`);

    expect([response.status, await response.json()]).toEqual([
      400,
      [
        { pointer: '?dry_run', message: 'There is no such member' },
        { pointer: '?a~0b', message: 'There is no such member' },
      ],
    ]);
  });
});
