import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvironment } from '../config/parse-environment.js';
import { PinoLogger } from './pino-logger.js';
import { withRequestContext } from './request-context.js';

const logger = (level: string, format = 'json'): PinoLogger =>
  new PinoLogger(parseEnvironment({ NODE_ENV: 'test', LOG_LEVEL: level, LOG_FORMAT: format }));

async function textsOf(work: () => void): Promise<{ stream: string; text: string }[]> {
  const texts: { stream: string; text: string }[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    jest
      .spyOn(process[stream], 'write')
      .mockImplementation((text) => texts.push({ stream, text: String(text) }) > 0);
  }
  work();
  await turn();
  return texts;
}

async function linesOf(work: () => void): Promise<Record<string, unknown>[]> {
  return (await textsOf(work)).map(({ text }) => JSON.parse(text) as Record<string, unknown>);
}

describe('the log', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is one JSON object a line, with the trace of its request', async () => {
    const lines = await linesOf(() => {
      withRequestContext({ traceId: 'trace' }, () => {
        logger('log').log('two\nlines', 'Here');
      });
    });
    expect(lines).toEqual([
      {
        level: 'log',
        timestamp: expect.any(Number),
        pid: process.pid,
        message: 'two\nlines',
        context: 'Here',
        trace_id: 'trace',
      },
    ]);
  });

  it('keeps the members of a message, whatever they are', async () => {
    const cycle: Record<string, unknown> = { count: 10n, absent: undefined };
    cycle['self'] = cycle;
    const [line] = await linesOf(() => {
      logger('log').log(cycle, 'Here');
    });
    expect(line?.['message']).toEqual({ count: 10, self: '[Circular]' });
  });

  it('has the message and the stack of an error, and none of its other members', async () => {
    const error = Object.assign(new Error('no'), { parameters: ['secret'], query: 'SELECT' });
    const [line] = await linesOf(() => {
      logger('log').error(error, 'Here');
    });
    expect(line).toEqual({
      level: 'error',
      timestamp: expect.any(Number),
      pid: process.pid,
      message: 'no',
      context: 'Here',
      stack: error.stack,
    });
  });

  it('goes to standard error from level error on', async () => {
    const texts = await textsOf(() => {
      for (const level of ['debug', 'log', 'warn', 'error', 'fatal'] as const) {
        logger('debug')[level](level, 'Here');
      }
    });
    expect(texts.map(({ stream, text }) => [stream, text.match(/"level":"\w+"/g)?.length])).toEqual(
      [
        ['stderr', 1],
        ['stderr', 1],
        ['stdout', 3],
      ],
    );
  });

  it('is text if LOG_FORMAT says so', async () => {
    const texts = await textsOf(() => {
      logger('log', 'text').log({ status: 200 }, 'Request');
    });
    expect(texts).toEqual([
      {
        stream: 'stdout',
        text: expect.stringMatching(/^[\d:.]{12} LOG {3}\[Request\] status=200\n$/),
      },
    ]);
  });

  it('says nothing below its level', async () => {
    expect(
      await linesOf(() => {
        logger('warn').log('quiet', 'Here');
      }),
    ).toEqual([]);
  });

  it('leaves the modules and routes of the start, and why it failed, to others', async () => {
    expect(
      await linesOf(() => {
        logger('log').log('Mapped {/status, GET} route', 'RouterExplorer');
        logger('log').error('Error: listen EADDRINUSE', 'NestApplication');
      }),
    ).toEqual([]);
  });
});
