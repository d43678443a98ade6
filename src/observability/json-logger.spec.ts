import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvironment } from '../config/parse-environment.js';
import { JsonLogger } from './json-logger.js';
import { withRequestContext } from './request-context.js';

const logger = (level: string): JsonLogger =>
  new JsonLogger(parseEnvironment({ NODE_ENV: 'test', LOG_LEVEL: level }));

async function linesOf(work: () => void): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  }
  work();
  await turn();
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
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
    expect(lines).toMatchObject([
      { level: 'log', message: 'two\nlines', context: 'Here', trace_id: 'trace' },
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
