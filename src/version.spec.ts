import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { VERSION } from './version.js';

interface Manifest {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const PACKAGES = readdirSync('packages').map((name) => `packages/${name}`);

/** The forms in which a text states the current version. A version that is not in one of them is one of the past. */
const FORMS = [
  /Agent Mesh(?: Controller)? (\d+\.\d+\.\d+)/g,
  /"version": ?"(\d+\.\d+\.\d+)"/g,
  /agent-mesh-[a-z]+-(\d+\.\d+\.\d+)\.tgz/g,
  /agent-mesh-controller:(\d+\.\d+\.\d+)/g,
  /image\.version="(\d+\.\d+\.\d+)"/g,
];

const TEXTS = [
  ...filesIn('.').filter((name) => name.endsWith('.md') || name === 'Dockerfile'),
  ...['docs', 'deploy', 'examples'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  ),
  ...PACKAGES.map((folder) => `${folder}/README.md`),
].filter((name) => /\.(md|ya?ml|sh|py)$|Dockerfile$/.test(name));

describe('The version of package.json', () => {
  it.each(PACKAGES)('is the version of %s', (folder) => {
    expect(manifestOf(folder).version).toBe(VERSION);
  });

  it.each(['.', ...PACKAGES])('is the version of the packages that %s depends on', (folder) => {
    const { dependencies, devDependencies, peerDependencies } = manifestOf(folder);
    const own = Object.entries({ ...dependencies, ...devDependencies, ...peerDependencies }).filter(
      ([name]) => name.startsWith('@agent-mesh/'),
    );

    expect(own).toEqual(own.map(([name]) => [name, VERSION]));
  });

  it('is in the lock file', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, Manifest>;
    };
    const versions = ['', ...PACKAGES].map((path) => [path, packages[path]?.version]);

    expect(versions).toEqual(versions.map(([path]) => [path, VERSION]));
  });

  it.each(['docs/openapi.json', 'docs/asyncapi.json'])('is in %s', (file) => {
    const { info } = JSON.parse(readFileSync(file, 'utf8')) as { info: Manifest };

    expect(info.version).toBe(VERSION);
  });

  it.each(TEXTS)('is the only one that %s states as current', (file) => {
    const text = readFileSync(file, 'utf8');
    const stated = FORMS.flatMap((form) => [...text.matchAll(form)].map(([, version]) => version));

    expect(stated.filter((version) => version !== VERSION)).toEqual([]);
  });

  it('is stated in each form somewhere', () => {
    const all = TEXTS.map((file) => readFileSync(file, 'utf8')).join('\n');

    expect(FORMS.filter((form) => all.search(form) < 0)).toEqual([]);
  });

  it('is the latest release of the changelog, with a date', () => {
    const [latest] = readFileSync('CHANGELOG.md', 'utf8').match(/^## \[\d.*$/m) ?? [];

    expect(latest).toMatch(
      new RegExp(`^## \\[${VERSION.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`),
    );
  });

  it('is a supported one in the security policy', () => {
    expect(readFileSync('SECURITY.md', 'utf8')).toMatch(
      new RegExp(`^\\| ${VERSION.split('.').slice(0, 2).join('\\.')} +\\| yes +\\|$`, 'm'),
    );
  });
});

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}
