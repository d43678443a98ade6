import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { VERSION } from '../../../src/version.js';
import { buildContext, isSent } from '../../support/build-context.js';
import { copied, readDockerfile } from '../../support/dockerfile.js';

/** Files that a checkout can contain, and that must not leave it. */
const PRIVATE = [
  '.env',
  '.env.production',
  '.git/config',
  '.data/jwt-secret',
  '.npmrc',
  'audit-signing-key.pem',
  'src/.env',
  'src/audit-log/signing.pem',
  'src/server.key',
  'src/debug.log',
  'packages/cli/.env',
  'packages/cli/.npmrc',
  'packages/console/src/.env.local',
  'docker-compose.yml',
  'docker/keycloak/mesh-realm.json',
];

/** Tests, and what is built or installed again. */
const NEEDLESS = [
  'test/jest.config.js',
  'test/support/app.ts',
  'src/version.spec.ts',
  'src/auth/policy.spec.ts',
  'packages/console/src/app.spec.tsx',
  'packages/verify/src/testing/sealed-log.ts',
  'docs/README.md',
  'dist/src/main.js',
  'coverage/index.html',
  'node_modules/pg/package.json',
  'packages/console/node_modules/react/package.json',
  'packages/cli/dist/mesh.js',
];

const CONTEXT = buildContext();
const STAGES = readDockerfile();

describe('The files that docker build sends', () => {
  it.each([...PRIVATE, ...NEEDLESS])('do not include %s', (path) => {
    expect(isSent(path)).toBe(false);
  });

  it('are those that the Dockerfile copies', () => {
    const sources = STAGES.flatMap(({ instructions }) => instructions)
      .filter(({ keyword }) => keyword === 'COPY')
      .map(copied)
      .filter(({ from }) => from === undefined)
      .flatMap((copy) => copy.sources);

    expect(sources.filter((path) => !existsSync(path))).toEqual([]);
    expect(
      sources.filter((path) => !CONTEXT.some((sent) => `${sent}/`.startsWith(`${path}/`))),
    ).toEqual([]);
    expect(
      CONTEXT.filter((sent) => !sources.some((path) => `${sent}/`.startsWith(`${path}/`))),
    ).toEqual([]);
  });

  it('include everything that a sent file imports', () => {
    const sent = new Set(CONTEXT);
    const sources = CONTEXT.filter((name) => /\.(ts|tsx|js)$/.test(name));
    const missing = sources.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/(?:from|import|import\() ?'(\.[^']*)'/g)]
        .map(([, name = '']) => posix.join(posix.dirname(file), name))
        .filter((path) => !candidates(path).some((candidate) => sent.has(candidate)))
        .map((path) => `${file}: ${path}`),
    );

    expect(sources.length).toBeGreaterThan(300);
    expect(missing).toEqual([]);
  });

  it('include the manifest of each package, which npm ci reads', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, unknown>;
    };
    const manifests = Object.keys(packages)
      .filter((path) => path.startsWith('packages/') && !path.includes('/node_modules/'))
      .map((path) => `${path}/package.json`);

    expect(manifests.length).toBeGreaterThan(3);
    expect(manifests.filter((path) => !CONTEXT.includes(path))).toEqual([]);
  });
});

describe('Dockerfile', () => {
  const instructionsOf = (name: string): string[] =>
    (STAGES.find((stage) => stage.name === name)?.instructions ?? []).map(
      ({ keyword, value }) => `${keyword} ${value}`,
    );

  it('builds in stages, without build tools in the image', () => {
    expect(STAGES.map(({ name }) => name)).toEqual(['build', 'dependencies', 'runtime']);
    expect(instructionsOf('build')).toContain('RUN npm run build');
    expect(instructionsOf('dependencies').join('\n')).toMatch(/npm ci --omit=dev/);
    expect(instructionsOf('runtime').filter((line) => line.startsWith('COPY --from='))).toEqual([
      'COPY --from=dependencies /app/node_modules ./node_modules',
      'COPY --from=build /app/dist ./dist',
    ]);
  });

  it('runs without root, by numbers, as the process that receives signals', () => {
    const runtime = instructionsOf('runtime');

    expect(runtime).toContain('USER 1000:1000');
    expect(runtime.at(-1)).toBe('CMD ["node", "--enable-source-maps", "dist/src/main.js"]');
  });

  it('has the labels of OCI', () => {
    const labels = instructionsOf('runtime').find((line) => line.startsWith('LABEL ')) ?? '';
    const found = Object.fromEntries(
      [...labels.matchAll(/org\.opencontainers\.image\.([\w.]+)="([^"]*)"/g)].map(
        ([, name = '', value = '']) => [name, value],
      ),
    );
    const { license, description } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      license: string;
      description: string;
    };

    expect(found).toEqual({
      title: 'Agent Mesh Controller',
      description,
      licenses: license,
      version: VERSION,
      source: '${SOURCE}',
      revision: '${REVISION}',
      'base.name': '${NODE_IMAGE}',
    });
  });
});

/** The files that an import in TypeScript can mean. */
function candidates(path: string): string[] {
  const bare = path.replace(/\.jsx?$/, '');
  return [path, `${bare}.ts`, `${bare}.tsx`, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`];
}
