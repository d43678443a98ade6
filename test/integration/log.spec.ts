import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { programFile } from '../support/program-file.js';

type Program = ChildProcessByStdio<null, Readable, Readable>;

const MODULES = ['config/parse-environment.js', 'observability/pino-logger.js'].map(
  (name) => pathToFileURL(programFile(`src/${name}`)).href,
);

let program: Program | undefined;

/** Runs a program that logs with `logger`. */
function run(source: string): Program {
  const imports = `
    const { Logger } = await import('@nestjs/common');
    const { parseEnvironment } = await import(${JSON.stringify(MODULES[0])});
    const { PinoLogger } = await import(${JSON.stringify(MODULES[1])});
    const logger = new PinoLogger(parseEnvironment({ LOG_FORMAT: 'json' }));
    Logger.overrideLogger(logger);
  `;
  program = spawn(process.execPath, ['--input-type=module', '--eval', imports + source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return program;
}

function messagesOf(log: string): unknown[] {
  return log
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { message: unknown }).message);
}

describe('The log of a process', () => {
  afterEach(() => {
    program?.kill('SIGKILL');
  });

  it.each([
    ['that exits', 'process.exit(3);', 3],
    ['that ends with an uncaught exception', `throw new Error('crash');`, 1],
    ['that ends with an unhandled rejection', `await Promise.reject(new Error('crash'));`, 1],
  ])('%s has every line', async (_name, end, code) => {
    const { stdout, stderr, exitCode } = await endOf(
      run(`
        for (let count = 0; count < 50; count += 1) logger.log('line ' + count, 'Test');
        logger.error('last', 'Test');
        ${end}
      `),
    );
    expect(exitCode).toBe(code);
    expect(messagesOf(stdout)).toEqual(Array.from({ length: 50 }, (_, count) => `line ${count}`));
    expect(stderr).toContain('"message":"last"');
  });

  it('takes bounded memory and no time while nobody reads it, and does not prevent the exit', async () => {
    const child = run(`
      const line = 'x'.repeat(10_000);
      let turns = 0;
      setInterval(() => {
        for (let count = 0; count < 500; count += 1) logger.log(line, 'Test');
        if (++turns < 20) return;
        process.stderr.write(String(Math.round(process.memoryUsage().rss / 2 ** 20)));
        process.exit(0);
      }, 10);
    `);
    const [exitCode] = (await once(child, 'exit')) as [number];
    expect(exitCode).toBe(0);
    // 100 MB of lines were logged.
    expect(Number(await text(child.stderr))).toBeLessThan(150);
  });

  it('reports the lines that it dropped as soon as it is read again', async () => {
    const child = run(`
      const line = 'x'.repeat(10_000);
      for (let turn = 0; turn < 10; turn += 1) {
        for (let count = 0; count < 100; count += 1) logger.log(line, 'Test');
        await new Promise(setImmediate);
      }
      process.stderr.write('written');
      await new Promise((resolve) => process.stdout.once('drain', resolve));
      logger.log('read', 'Test');
    `);
    await once(child.stderr, 'data');
    const messages = messagesOf((await endOf(child)).stdout);
    const full = messages.filter((message) => String(message).startsWith('xxx')).length;
    expect(messages.slice(full)).toEqual([
      'read',
      `Dropped ${1000 - full} lines of the log: their reader is too slow.`,
    ]);
    expect(full).toBeLessThan(600);
  });
});

async function endOf(child: Program) {
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { stdout, stderr, exitCode };
}
