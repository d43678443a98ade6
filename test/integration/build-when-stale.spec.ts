import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
/** Stands for the build: tells that it ran, on both outputs. */
const BUILD = 'echo built >> builds; echo noise; mkdir -p dist/src; touch dist/src/main.js';
const SETTINGS = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

describe('build-when-stale.js', () => {
  let folder: string;
  let now: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'build-'));
    now = Date.now() / 1000;
    await cp('build-when-stale.js', join(folder, 'build-when-stale.js'));
    await write('package.json', JSON.stringify({ type: 'module', scripts: { build: BUILD } }));
    for (const file of [...SETTINGS, 'src/a/b.ts', 'migrations/c.ts']) await write(file, '');
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function write(path: string, text: string): Promise<void> {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  /** A time of a file or a folder, in seconds from now. */
  const age = (path: string, seconds: number): Promise<void> =>
    utimes(join(folder, path), now + seconds, now + seconds);

  /** Runs it; gives how many builds there were by then. */
  async function builds(): Promise<number> {
    const { stdout } = await run('node', [join(folder, 'build-when-stale.js')]);
    expect(stdout).toBe('');
    const text = await readFile(join(folder, 'builds'), 'utf8').catch(() => '');
    return text.split('\n').length - 1;
  }

  it('builds when there is no build, and again only when a source is newer', async () => {
    expect(await builds()).toBe(1);
    await age('dist/src/main.js', 60);
    expect(await builds()).toBe(1);
    for (const [n, path] of [...SETTINGS, 'src/a/b.ts', 'src/a', 'migrations/c.ts'].entries()) {
      await age('dist/src/main.js', 60);
      await age(path, 120);
      expect(await builds()).toBe(n + 2);
      await age(path, 0);
    }
  });

  it('does not build without sources', async () => {
    await write('dist/src/main.js', '');
    await rm(join(folder, 'src'), { recursive: true });
    expect(await builds()).toBe(0);
  });

  it('reports its progress on standard error', async () => {
    const { stderr } = await run('node', [join(folder, 'build-when-stale.js')]);
    expect(stderr).toMatch(/^Building the controller\..*\nnoise\nBuilt in \d+ s\.\n$/);
  });

  it.each([
    ['PORT', (port: number) => ({ PORT: String(port) }), ''],
    ['the port in .env', () => ({}), 'PORT='],
  ])('tries %s before the build of npm start', async (_, variables, line) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    if (line) await write('.env', `${line}${port}`);
    const env = { PATH: process.env.PATH, ...variables(port) };
    const start = () => run('node', ['build-when-stale.js', '--try-port'], { cwd: folder, env });
    try {
      await expect(start()).rejects.toMatchObject({
        code: 1,
        stderr: `agent-mesh-controller: The port is already in use; set PORT to another. listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
      });
      await expect(readFile(join(folder, 'builds'))).rejects.toThrow('ENOENT');
    } finally {
      server.close();
    }
    await start();
    expect(await builds()).toBe(1);
  });

  it('reports a failed build', async () => {
    const scripts = { build: 'exit 3' };
    await write('package.json', JSON.stringify({ type: 'module', scripts }));
    await expect(builds()).rejects.toMatchObject({ code: 3 });
  });
});
