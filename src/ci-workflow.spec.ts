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
  ])('are compared with ranges: %s in %s is %s', (version, range, expected) => {
    expect(satisfies(version, range)).toBe(expected);
  });
});

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
}

/** Whether a version is in a range of the forms `20`, `^20.19.0` and `>=20.19.0`, joined by `||`. */
function satisfies(version: string, range: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return range.split('||').some((part) => {
    const match = /^(\^|>=|)\s*v?(\d+)(?:\.(\d+|x))?(?:\.(\d+|x))?$/.exec(part.trim());
    if (!match) throw new Error(`a range of another form: ${range}`);
    const [, operator, lowestMajor, lowestMinor] = match;
    if (major === Number(lowestMajor)) return minor >= Number(lowestMinor ?? 0);
    return operator === '>=' && major > Number(lowestMajor);
  });
}
