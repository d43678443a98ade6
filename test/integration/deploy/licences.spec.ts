import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/**
 * The licences of all packages that a user of the controller, its console or its packages receives, from package-lock.json.
 * `npm run licences` writes docs/licences.md.
 */

interface Locked {
  version?: string;
  license?: string;
  link?: boolean;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

interface Licensed {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly parts: readonly string[];
}

const PAGE = 'docs/licences.md';
const MARKS = { start: '<!-- packages -->\n', end: '<!-- end of packages -->' };

/** Licences that permit distribution under Apache-2.0, and require no more than a notice. */
const ALLOWED = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
];

/** Packages whose manifest names no licence, with the file and the words that do. */
const STATED: Readonly<Partial<Record<string, { licence: string; file: string; text: string }>>> = {
  pause: { licence: 'MIT', file: 'Readme.md', text: '(The MIT License)' },
};

const { packages: LOCKED } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, Locked>;
};
const CONSOLE = 'packages/console';
const LIBRARIES = readdirSync('packages')
  .map((name) => `packages/${name}`)
  .filter((path) => path !== CONSOLE);

/** Paths in the lock file of the packages of each part. */
const PARTS: Readonly<Record<string, ReadonlySet<string>>> = {
  controller: closureOf('', runtimeNames(LOCKED[''] ?? {})),
  console: closureOf(CONSOLE, importedPackages(`${CONSOLE}/src`)),
  ...Object.fromEntries(
    LIBRARIES.map((path) => [
      path.replace('packages/', '@agent-mesh/'),
      closureOf(path, runtimeNames(LOCKED[path] ?? {})),
    ]),
  ),
};

const PACKAGES = licensedPackages();

describe('The licences of the production dependencies', () => {
  it('are each known and allowed', () => {
    expect(PACKAGES.length).toBeGreaterThan(100);
    expect(
      PACKAGES.filter(({ licence }) => !isAllowed(licence)).map(
        ({ name, version, licence }) => `${name} ${version}: ${licence}`,
      ),
    ).toEqual([]);
  });

  it('include those of every package of this repository', () => {
    expect(Object.entries(PARTS).filter(([, paths]) => paths.size === 0)).toEqual([]);
  });

  it('are listed in docs/licences.md: else run "npm run licences"', () => {
    const page = readFileSync(PAGE, 'utf8');
    const [before = '', rest = ''] = page.split(MARKS.start);
    const [shown = '', after = ''] = rest.split(MARKS.end);
    const table = `\n${tableOf(PACKAGES)}\n`;
    if (process.env.UPDATE_LICENCES !== undefined)
      writeFileSync(PAGE, `${before}${MARKS.start}${table}${MARKS.end}${after}`);
    else expect(shown).toBe(table);
  });

  it('are the allowed ones of docs/licences.md', () => {
    const [, list = ''] = /^Allowed: (.*)\.$/m.exec(readFileSync(PAGE, 'utf8')) ?? [];

    expect(list.split(', ')).toEqual(ALLOWED);
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0-only)', true],
    ['MIT AND ISC', true],
    ['MIT AND GPL-3.0-only', false],
    ['GPL-3.0-only', false],
    ['MIT-0 OR LGPL-2.1', false],
    ['UNLICENSED', false],
    ['unknown', false],
  ])('are compared as expressions: %s is allowed: %s', (licence, expected) => {
    expect(isAllowed(licence)).toBe(expected);
  });
});

/** Whether an SPDX expression without nested parentheses is allowed. */
function isAllowed(expression: string): boolean {
  return expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((licence) => ALLOWED.includes(licence)));
}

/** The packages of all parts, without those of this repository. */
function licensedPackages(): Licensed[] {
  const all = new Set(Object.values(PARTS).flatMap((part) => [...part]));
  const paths = [...all].filter((path) => !path.startsWith('packages/'));
  const byName = new Map<string, Licensed>();
  for (const path of paths.sort()) {
    const name = path.replace(/^.*node_modules\//, '');
    const { version = '' } = LOCKED[path] ?? {};
    const parts = Object.keys(PARTS).filter((part) => PARTS[part]?.has(path));
    const key = `${name} ${version}`;
    const every = [...new Set([...(byName.get(key)?.parts ?? []), ...parts])];
    byName.set(key, { name, version, licence: licenceOf(path, name), parts: every });
  }
  return [...byName.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function key({ name, version }: Licensed): string {
  return `${name} ${version}`;
}

/** The licence by the lock file, by the older form of a manifest, or by a text of the package. */
function licenceOf(path: string, name: string): string {
  const locked = LOCKED[path]?.license;
  if (locked !== undefined) return locked;
  const stated = STATED[name];
  if (stated && readFileSync(`${path}/${stated.file}`, 'utf8').includes(stated.text))
    return stated.licence;
  if (!existsSync(`${path}/package.json`)) return 'unknown';
  const { licenses = [] } = JSON.parse(readFileSync(`${path}/package.json`, 'utf8')) as {
    licenses?: { type: string }[];
  };
  return licenses.map(({ type }) => type).join(' OR ') || 'unknown';
}

/** Everything that packages bring along, from where `from` resolves their names. */
function closureOf(from: string, names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const open = names.map((name) => [from, name] as const);
  for (let next = open.pop(); next; next = open.pop()) {
    const path = pathOf(...next);
    if (path === undefined || found.has(path)) continue;
    found.add(path);
    for (const name of runtimeNames(LOCKED[path] ?? {})) open.push([path, name]);
  }
  return found;
}

/** Returns the packages that npm installs for a package by default: its dependencies, the optional ones, and required peers. */
function runtimeNames(locked: Locked): string[] {
  const peers = Object.keys(locked.peerDependencies ?? {}).filter(
    (name) => locked.peerDependenciesMeta?.[name]?.optional !== true,
  );
  const { dependencies = {}, optionalDependencies = {} } = locked;
  return [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers];
}

/** Looks for a package in the folder `node_modules` of a path, then in those above, as Node does. */
function pathOf(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.replace(/\/?[^/]*$/, '')) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    const locked = LOCKED[path];
    if (locked) return locked.link === true ? locked.resolved : path;
    if (folder === '') return undefined;
  }
}

/** Names of the packages that sources import for more than their types: the bundle of the console contains them. */
function importedPackages(folder: string): string[] {
  const texts = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/\.spec\.tsx?$/.test(name))
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
  const specifiers = texts.flatMap((text) =>
    [...text.matchAll(/^(?:import|export) (?!type )[^;]*?'([^'.][^']*)'/gm)].map(
      ([, specifier = '']) => specifier,
    ),
  );
  return [...new Set(specifiers.map((name) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(name)?.[0] ?? name))];
}

function tableOf(packages: readonly Licensed[]): string {
  const rows = packages.map(({ name, version, licence, parts }) => [
    `\`${name}\``,
    version,
    licence,
    parts.join(', '),
  ]);
  const head = ['package', 'version', 'licence', 'part'];
  const widths = head.map((title, n) =>
    Math.max(title.length, ...rows.map((row) => row[n]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0, fill)).join(' | ')} |`;
  return [line(head), line(['', '', '', ''], '-'), ...rows.map((row) => line(row))]
    .join('\n')
    .concat('\n');
}
