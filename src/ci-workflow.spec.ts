import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Workflow {
  jobs: {
    test: {
      strategy: { matrix: { node: string[] } };
      steps: { uses?: string; run?: string; with?: Record<string, string> }[];
    };
  };
}

interface Manifest {
  engines?: { node: string };
  dependencies?: Record<string, string>;
  scarfSettings?: { enabled: boolean };
  allowScripts?: Record<string, boolean>;
}

interface LockFile {
  packages: Record<string, { engines?: { node?: string }; hasInstallScript?: boolean }>;
}

interface Dependabot {
  updates: { 'package-ecosystem': string; directory: string }[];
}

const { test } = (parse(readFileSync('.github/workflows/ci.yml', 'utf8')) as Workflow).jobs;
const VERSIONS = test.strategy.matrix.node;
const { engines = { node: '' }, dependencies = {} } = manifestOf('.');
/** The lowest version of each supported line: for `^20.19.0 || >=24.11.0`, 20.19 and 24.11. */
const LOWEST = [...engines.node.matchAll(/(?:\^|>=)(\d+\.\d+)\.0/g)].map(
  ([, version = '']) => version,
);
const { packages: LOCKED } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as LockFile;
const DEVELOPMENT = readFileSync('.nvmrc', 'utf8').trim();

describe('The CI workflow', () => {
  it('runs the test command of the README', () => {
    const [, command = ''] =
      /^## Testing\n\n`([^`]+)`/m.exec(readFileSync('README.md', 'utf8')) ?? [];

    expect(command).toMatch(/^npm ci && npm /);
    expect(test.steps.at(-1)?.run).toBe(command);
  });

  it('runs on the lowest version of each supported line of Node, and on that for development', () => {
    expect(VERSIONS).toEqual([...LOWEST, DEVELOPMENT]);
  });

  it('installs the version of its matrix', () => {
    const setup = test.steps.find(({ uses }) => uses?.startsWith('actions/setup-node@'));

    expect(setup?.with?.['node-version']).toBe('${{ matrix.node }}');
  });

  it('has an updater for its actions, the packages and the images', () => {
    const { updates } = parse(readFileSync('.github/dependabot.yml', 'utf8')) as Dependabot;

    expect(updates.map((update) => update['package-ecosystem'])).toEqual([
      'npm',
      'github-actions',
      'docker',
      'docker-compose',
    ]);
    expect(new Set(updates.map(({ directory }) => directory))).toEqual(new Set(['/']));
  });
});

describe('The supported versions of Node', () => {
  it.each(Object.keys(dependencies))('are supported by %s', (name) => {
    const range = manifestOf(`node_modules/${name}`).engines?.node ?? '>=0';

    expect(LOWEST.filter((version) => !satisfies(version, range))).toEqual([]);
  });

  it('include the version for development, which the image has too', () => {
    expect(satisfies(`${DEVELOPMENT}.999`, engines.node)).toBe(true);
    expect(readFileSync('Dockerfile', 'utf8')).toContain(`ARG NODE_VERSION=${DEVELOPMENT}\n`);
  });

  it('let npm ci print no engine warning on the version for development', () => {
    const unsupported = Object.entries(LOCKED).filter(
      ([, { engines: { node = '*' } = {} }]) => !satisfies(`${DEVELOPMENT}.999`, node),
    );

    expect(unsupported.map(([path]) => path)).toEqual([]);
  });

  it.each([
    ['20.19', '>= 20', true],
    ['20.19', '^20.19.0 || >=22.12.0', true],
    ['22.11', '^20.19.0 || >=22.12.0', false],
    ['21.0', '^20.19.0', false],
    ['20.18', '^20.19.0', false],
    ['24.9', '>=24.11.0', false],
    ['26.0', '>=24.11.0', true],
    ['20.19', '18 || 20 || >=22', true],
    ['21.0', '18 || 20 || >=22', false],
    ['24.9', '>=22.12.0 || >=20.19.0 <21.0.0', true],
    ['21.0', '>=22.12.0 || >=20.19.0 <21.0.0', false],
    ['20.19', '>=22.12.0 || >=20.19.0 <21.0.0', true],
    ['20.19', '6.* || 8.* || >= 10.*', true],
    ['20.19', '*', true],
  ])('are compared with ranges: %s in %s is %s', (version, range, expected) => {
    expect(satisfies(version, range)).toBe(expected);
  });
});

describe('The install scripts', () => {
  it('are each allowed or refused, so npm ci prints no warning; telemetry is refused', () => {
    const names = Object.entries(LOCKED)
      .filter(([, { hasInstallScript = false }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ''));
    const { allowScripts = {}, scarfSettings } = manifestOf('.');

    expect(Object.keys(allowScripts).sort()).toEqual(names.sort());
    // The script of esbuild only replaces its launcher by the program of an optional package.
    expect(Object.keys(allowScripts).filter((name) => allowScripts[name] === false)).toEqual([
      '@scarf/scarf',
      'esbuild',
    ]);
    // npm before 11 ignores allowScripts.
    expect(scarfSettings).toEqual({ enabled: false });
  });
});

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
}

/** Whether a version is in a range: `20`, `20.*`, `^20.19.0`, `>=20.19.0`, `<21.0.0` and `*`, joined by spaces and `||`. */
function satisfies(version: string, range: string): boolean {
  return range.split('||').some((part) =>
    part
      .trim()
      .replaceAll(/(\^|>=|<)\s+/g, '$1')
      .split(/\s+/)
      .every((comparator) => meets(version, comparator)),
  );
}

function meets(version: string, comparator: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (comparator === '*') return true;
  const match = /^(\^|>=|<|)v?(\d+)(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?$/.exec(comparator);
  if (!match) throw new Error(`a range of another form: ${comparator}`);
  const [, operator, givenMajor, givenMinor = '0'] = match;
  const lowestMinor = Number(/^\d/.test(givenMinor) ? givenMinor : 0);
  if (operator === '<') return major < Number(givenMajor);
  if (major === Number(givenMajor)) return minor >= lowestMinor;
  return operator === '>=' && major > Number(givenMajor);
}
