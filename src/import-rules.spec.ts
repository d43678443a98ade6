import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** The folders of `src` from the ground up: each may import from itself and from those before it. */
const LAYERS = [
  'version.ts',
  'common',
  'errors',
  'config',
  'observability',
  'http',
  'openapi',
  'auth',
  'embedded-postgres',
  'database',
  'subjects',
  'redis',
  'limits',
  'idempotency',
  'audit',
  'events',
  'audit-log',
  'roles',
  'lifecycle',
  'approvals',
  'receipts',
  'sessions',
  'tasks',
  'overview',
  'webhooks',
  'replay',
  'erasure',
  'console',
  'mcp',
  'a2a',
  'health',
  'demo',
  'the application', // every other file that lies in src itself
] as const;

/** What some files must not import, or read, wherever they are. */
const BANS: { files: RegExp; ban: RegExp; why: string; except?: readonly string[] }[] = [
  {
    files: /\.controller\.ts$/,
    ban: /from '(typeorm|@nestjs\/typeorm)'/,
    why: 'a controller leaves tables to its services',
  },
  {
    files: /\.service\.ts$|^lifecycle\//,
    ban: /from '(express|@nestjs\/platform-express)'/,
    why: 'a service does not know that it is asked over HTTP',
  },
  {
    files: /\.service\.ts$|^lifecycle\//,
    ban: /import[^;]*\b\w*(Exception|HttpStatus)\b[^;]*from '@nestjs\/common'/,
    why: 'a service throws DomainErrors; one table turns their codes into statuses',
  },
  {
    files: /^(?!config\/)/,
    ban: /process\.env/,
    why: 'the environment is validated once, in config',
    except: [
      'demo/demo.ts', // a client, with a variable of its own
      'demo/work-demo.ts', // and another
      'embedded-postgres/cluster.ts', // hands PATH on to the programs of PostgreSQL
      'embedded-postgres/pg-variables.ts', // removes those of PostgreSQL clients
      'embedded-postgres/processes.ts', // hands PATH on to ps
    ],
  },
  {
    files: /^common\//,
    ban: /from '\.\.\//,
    why: 'common holds what every folder may use, and uses none of them',
  },
  {
    files: /^embedded-postgres\//,
    ban: /from '\.\.\//,
    why: 'the embedded PostgreSQL uses nothing of the controller',
  },
  {
    files: /^(?!embedded-postgres\/)/,
    ban: /from '(\.\.?\/)+embedded-postgres\//,
    why: 'the embedded PostgreSQL is for development, and a few files start or find it',
    except: ['database/resolve-database.ts', 'operator-database.ts', 'startup-banner.ts'],
  },
  {
    files: /./,
    ban: /\basync: true\b/,
    why: 'input is validated at once: a rule that waits would not be asked',
  },
  {
    files: /^(?!http\/validators\.ts$)(?!.*\.spec\.ts$)/,
    ban: /import[^;]*\b(ValidateBy|registerDecorator|ValidatorConstraint|Validate)\b[^;]*from 'class-validator'/,
    why: 'rules of our own are made in http/validators.ts, where it shows that none of them waits',
  },
  {
    files: /^(?!database\/pipeline\/)/,
    ban: /from '[^']*\bpipeline\/[^']+'/,
    why: 'the pipeline has one interface, database/pipeline.ts',
    except: ['database/pipeline.ts'],
  },
  {
    files: /^(?!database\/)(?!.*\.spec\.ts$)/,
    ban: /from '[^']*database\/pipeline\.js'/,
    why: 'statements of the application are sent through database/sql.ts',
  },
  {
    files: /\.(repository|sql)\.ts$/,
    ban: /from '(?![^']*\/database\/)[^']*\.service\.js'/,
    why: 'a repository uses no service of a feature',
  },
  {
    files: /^database\/pipeline\//,
    ban: /from '\.\.\/(?!(postgres-errors|timestamp)\.js')/,
    why: 'the pipeline depends on no other part of the application',
  },
  {
    files: /(?<!\.spec)\.ts$/,
    ban: /from '(\.\.\/)*test\//,
    why: 'the service does not depend on its tests',
  },
];

interface Source {
  name: string;
  text: string;
}

const SOURCES: Source[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts') && name !== 'import-rules.spec.ts')
  .sort()
  .map((name) => ({ name, text: readFileSync(posix.join('src', name), 'utf8') }));

interface Manifest {
  version?: string;
  engines?: Record<string, string>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

interface Package {
  name: string;
  manifest: Manifest;
  sources: Source[];
}

/** Sources of the controller that a package contains as part of its bundle: both transports of MCP have the same tools. */
const BUNDLED = [
  { package: 'mcp', sources: /^\.\.\/\.\.\/\.\.\/src\/(mcp\/tools|common|config|roles|auth)\// },
  { package: 'mcp', sources: /^\.\.\/\.\.\/\.\.\/src\/version\.ts$/ },
  {
    package: 'cli',
    sources: /^\.\.\/\.\.\/\.\.\/src\/(common\/(one-line|parse-json)|version)\.ts$/,
  },
];

const PACKAGES: Package[] = readdirSync('packages').map((name) => ({
  name,
  manifest: manifestOf(`packages/${name}/package.json`),
  sources: readdirSync(`packages/${name}/src`, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.tsx?$/.test(file) && !/\.spec\.tsx?$/.test(file))
    .map((file) => ({
      name: file,
      text: readFileSync(posix.join('packages', name, 'src', file), 'utf8'),
    })),
}));

describe('The folders of src', () => {
  it('each have a place in the order of layers', () => {
    const folders = new Set(SOURCES.map(({ name }) => layerOf(name)));

    expect([...folders].filter((folder) => !isLayer(folder))).toEqual([]);
  });

  it('import only from themselves and from those below', () => {
    expect(SOURCES.flatMap(upwardImports)).toEqual([]);
  });

  it('reach outside of src only for the migrations and the verifier', () => {
    const outside = SOURCES.flatMap(({ name, text }) =>
      importsOf({ name, text })
        .filter((target) => target.startsWith('..') && !isPatience(name, target))
        .filter((target) => !target.startsWith('../packages/verify/src/'))
        .map((target) => `${name} imports ${target}`),
    );

    expect(outside).toEqual(['database/database-options.ts imports ../migrations/index.ts']);
  });

  it('would be told of an import that runs upwards', () => {
    const wrong = { name: 'errors/x.ts', text: `import { Task } from '../tasks/task.entity.js';` };

    expect(upwardImports(wrong)).toEqual(['errors/x.ts imports tasks/task.entity.ts']);
  });
});

/** Specs scale their limits of time as all other tests do. */
function isPatience(name: string, target: string): boolean {
  return name.endsWith('.spec.ts') && target === '../test/support/patience.ts';
}

describe('The files of src', () => {
  it.each(BANS)('keep to this: $why', ({ files, ban, except = [] }) => {
    const breaking = SOURCES.filter(({ name, text }) => files.test(name) && ban.test(text)).map(
      ({ name }) => name,
    );

    expect(breaking).toEqual(except);
  });
});

describe('The injectable classes of src', () => {
  it('are named after their file, which ends with their role', () => {
    expect(injectables().filter(({ file, name }) => classNameOf(file) !== name)).toEqual([]);
  });

  it('have a role that Nest knows, or one of ours', () => {
    const without = injectables().filter(({ file }) => !ROLES.test(file));

    expect(injectables().length).toBeGreaterThan(50);
    expect(without).toEqual([]);
  });
});

describe('The packages', () => {
  it.each(PACKAGES)('$name imports only itself and the packages in its package.json', (one) => {
    expect(foreignImports(one)).toEqual([]);
  });

  it.each(PACKAGES)('$name can be published for the versions of Node of the controller', (one) => {
    const { version, engines } = manifestOf('package.json');

    expect(one.manifest).toMatchObject({ type: 'module', license: 'Apache-2.0', version, engines });
    expect(Object.keys(one.manifest.scripts ?? {}).filter((name) => /install/.test(name))).toEqual(
      [],
    );
  });
});

type Layer = (typeof LAYERS)[number];

const ROLES = /\.(service|repository|guard|interceptor|filter|pipe|strategy|adapter)\.ts$/;

/** The classes that Nest creates and injects. */
function injectables(): { file: string; name: string }[] {
  return SOURCES.flatMap(({ name: file, text }) =>
    [...text.matchAll(/^@(?:Injectable|Catch)\([^]*?^export (?:abstract )?class (\w+)/gm)].map(
      ([, name = '']) => ({ file, name }),
    ),
  );
}

/** `tasks/task-history.service.ts` holds `TaskHistoryService`. */
function classNameOf(file: string): string {
  return posix
    .basename(file, '.ts')
    .split(/[-.]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

function manifestOf(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

/** Imports of a package that leave its folder, or that its package.json does not declare. */
function foreignImports({ name: folder, manifest, sources }: Package): string[] {
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  return sources.flatMap(({ name, text }) => {
    const outside = importsOf({ name, text })
      .filter((target) => target.startsWith('..'))
      .filter(
        (target) => !BUNDLED.some((one) => one.package === folder && one.sources.test(target)),
      );
    const undeclared = [
      ...text.matchAll(/^(?:import|export) (?:[\w\s{},*]+ from )?'([^.'][^']*)'/gm),
    ]
      .map(([, target = '']) => target)
      .filter((target) => !target.startsWith('node:'))
      .filter((target) => !declared.some((one) => target === one || target.startsWith(`${one}/`)));
    return [...outside, ...undeclared].map((target) => `${name} imports ${target}`);
  });
}

function isLayer(name: string): name is Layer {
  return (LAYERS as readonly string[]).includes(name);
}

function layerOf(name: string): string {
  const [first = ''] = name.split('/');
  return name.includes('/') || isLayer(first) ? first : 'the application';
}

function rankOf(name: string): number {
  const layer = layerOf(name);
  return isLayer(layer) ? LAYERS.indexOf(layer) : LAYERS.length;
}

/** The files of ours that a file imports, from `src`. */
function importsOf({ name, text }: Source): string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) =>
    posix.join(posix.dirname(name), target).replace(/\.js$/, '.ts'),
  );
}

function upwardImports(source: Source): string[] {
  return importsOf(source)
    .filter((target) => !target.startsWith('..') && rankOf(target) > rankOf(source.name))
    .map((target) => `${source.name} imports ${target}`);
}
