import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { programFile } from '../support/program-file.js';

const run = promisify(execFile);
const TELEMETRY = programFile('src/observability/telemetry.js');
const TRACING = pathToFileURL(programFile('src/observability/tracing.js')).href;

/** Prints whether the modules of the SDK are in memory, and whether spans are made. */
const PROBE = `
  import { createRequire } from 'node:module';
  const { hasTracer } = await import(${JSON.stringify(TRACING)});
  const files = Object.keys(createRequire(import.meta.url).cache);
  const isLoaded = files.some((file) => /@opentelemetry\\/sdk|protobuf|grpc/.test(file));
  console.log(JSON.stringify({ isLoaded, hasTracer: hasTracer() }));
  process.exit(0);
`;

const OFF = { isLoaded: false, hasTracer: false };
const ON = { isLoaded: true, hasTracer: true };
const COLLECTOR = 'http://127.0.0.1:9';

describe('The SDK of OpenTelemetry', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'telemetry-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function probe(env: Record<string, string>) {
    const { stdout, stderr } = await run(
      process.execPath,
      ['--import', TELEMETRY, '--input-type=module', '--eval', PROBE],
      { cwd: folder, env: { PATH: process.env.PATH, ...env } },
    );
    return { ...(JSON.parse(stdout) as typeof ON), stderr };
  }

  it.each<[name: string, env: Record<string, string>]>([
    ['no variable', {}],
    ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
    ['only a service name', { OTEL_SERVICE_NAME: 'mesh' }],
    ['OTEL_SDK_DISABLED', { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR, OTEL_SDK_DISABLED: 'TRUE' }],
    [
      'OTEL_TRACES_EXPORTER=none',
      { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR, OTEL_TRACES_EXPORTER: 'none' },
    ],
  ])('is not in memory with %s', async (_name, env) => {
    expect(await probe(env)).toEqual({ ...OFF, stderr: '' });
  });

  it.each<[name: string, env: Record<string, string>]>([
    ['an endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR }],
    ['an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${COLLECTOR}/v1/traces` }],
    ['an exporter', { OTEL_TRACES_EXPORTER: 'otlp' }],
  ])('is loaded with %s', async (_name, env) => {
    expect(await probe(env)).toEqual({ ...ON, stderr: '' });
  });

  it('reads the file .env, with lower precedence than the environment', async () => {
    await writeFile(join(folder, '.env'), `OTEL_EXPORTER_OTLP_ENDPOINT=${COLLECTOR}\n`);
    expect(await probe({})).toMatchObject(ON);
    expect(await probe({ OTEL_SDK_DISABLED: 'true' })).toMatchObject(OFF);
  });
});
