import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import {
  KNOWN_VARIABLES,
  parseEnvironment,
  SECRET_VARIABLES,
} from '../../../src/config/parse-environment.js';
import { EnvironmentError } from '../../../src/config/validated.js';
import { VERSION } from '../../../src/version.js';
import {
  type Container,
  type Pod,
  type Probe,
  readResources,
  readVariables,
  render,
  type Resource,
  resourceFiles,
  type Selector,
} from '../../support/kubernetes.js';
import { schemaProblems } from '../../support/kubernetes-schemas.js';

interface Deployment extends Resource {
  spec: {
    replicas: number;
    selector: Selector;
    strategy: { rollingUpdate: { maxUnavailable: number; maxSurge: number } };
    template: Pod;
  };
}

interface Job extends Resource {
  spec: { template: Pod };
}

interface Service extends Resource {
  spec: {
    selector: Record<string, string>;
    ports: { name: string; port: number; targetPort: string }[];
  };
}

interface Kustomization {
  resources?: string[];
  components?: string[];
  patches?: { path: string }[];
}

const OVERLAY = 'overlays/example';
const FILES = resourceFiles();
/** The patch of the overlay is a part of a resource. */
const PATCHES = patchesOf(OVERLAY);
const WRITTEN = FILES.filter((file) => !PATCHES.includes(file)).flatMap(readResources);
const RENDERED = render(OVERLAY);
/** The resources of the example: rendered where kubectl exists, else as they are written. */
const RESOURCES = RENDERED ?? WRITTEN;

const deployment = find('Deployment') as Deployment;
const job = find('Job') as Job;
const service = find('Service') as Service;
const controller = containerOf(deployment.spec.template);
const migration = containerOf(job.spec.template);
const PODS: [string, Pod][] = [
  ['the controller', deployment.spec.template],
  ['the migration', job.spec.template],
];
const PAGE = readFileSync('docs/operations/kubernetes.md', 'utf8');
const CONFIGURATION = readFileSync('docs/configuration.md', 'utf8');

describe('The resources for Kubernetes', () => {
  it('are all part of a kustomization', () => {
    const listed = ['base', OVERLAY, 'components/prometheus'].flatMap((folder) => {
      const { resources = [], patches = [] } = kustomizationOf(folder);
      return [...resources, ...patches.map(({ path }) => path)]
        .filter((path) => path.endsWith('.yaml'))
        .map((path) => `deploy/kubernetes/${folder}/${path}`);
    });

    expect(listed.sort()).toEqual(FILES);
  });

  it('match the schemas of Kubernetes', async () => {
    expect(RESOURCES.length).toBeGreaterThan(7);
    expect(await schemaProblems(RESOURCES)).toEqual([]);
  });

  it('are refused with an unknown, a missing or a wrong member', async () => {
    const { spec } = deployment;
    const broken: Record<string, unknown> = {
      unknown: { ...service, spec: { ...service.spec, prots: service.spec.ports } },
      missing: { ...deployment, spec: { ...spec, selector: undefined } },
      wrong: { ...deployment, spec: { ...spec, replicas: 'two' } },
      nested: { ...deployment, spec: { ...spec, template: withProbe({ httpget: {} }) } },
      kind: { ...service, kind: 'Servise' },
    };
    const resources = Object.entries(broken).map(([name, resource]) => {
      const copy = JSON.parse(JSON.stringify(resource)) as Resource;
      return { ...copy, metadata: { name } };
    });
    const problems = await schemaProblems(resources);
    const found = (name: string): string =>
      problems.filter((line) => line.includes(` ${name}: `)).join('\n');

    expect(Object.keys(broken).filter((name) => found(name) === '')).toEqual([]);
    expect(found('unknown')).toContain('prots');
    expect(found('missing')).toContain('selector');
    expect(found('nested')).toContain('httpget');
  });

  it('belong to one namespace, and each is named once', () => {
    const names = RESOURCES.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

    expect(new Set(names).size).toBe(names.length);
    const namespaces = RENDERED?.filter(({ kind }) => kind !== 'Namespace').map(
      ({ metadata }) => metadata.namespace,
    );
    expect(new Set(namespaces)).toEqual(new Set(RENDERED && ['agent-mesh']));
  });

  it('use the image of this version, from a registry in the example', () => {
    const image = `agent-mesh-controller:${VERSION}`;
    const prefix = RENDERED ? 'registry.example.com/' : '';

    expect([controller.image, migration.image]).toEqual([`${prefix}${image}`, `${prefix}${image}`]);
  });
});

describe('The configuration for Kubernetes', () => {
  const base = readVariables('base/controller.env');
  const merged = { ...base, ...readVariables(`${OVERLAY}/controller.env`) };

  it('has only variables of docs/configuration.md, and no secret', () => {
    const names = Object.keys(merged);
    const documented = new Set(CONFIGURATION.match(/`[A-Z0-9_]+`/g));
    const secrets: readonly string[] = SECRET_VARIABLES;

    expect(names.filter((name) => !documented.has(`\`${name}\``))).toEqual([]);
    expect(names.filter((name) => !KNOWN_VARIABLES.includes(name))).toEqual([]);
    expect(names.filter((name) => secrets.includes(name))).toEqual([]);
  });

  it('is accepted by the controller, with the secrets of the files', () => {
    expect(parseEnvironment(withSecrets(merged))).toMatchObject({
      NODE_ENV: 'production',
      MIGRATE_ON_START: false,
      isEmbedded: false,
      listenHost: '0.0.0.0',
    });
  });

  it('lacks only the identity provider without an overlay', () => {
    expect(() => parseEnvironment(withSecrets(base))).toThrow(EnvironmentError);
    expect(() => parseEnvironment(withSecrets(base))).toThrow(/OIDC_JWKS_URL/);
  });

  it('is rendered as a ConfigMap whose name changes with its content', () => {
    const configMap = RENDERED?.find(({ kind }) => kind === 'ConfigMap');

    expect(configMap && { ...configMap }).toEqual(
      RENDERED && {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        data: merged,
        metadata: { name: expect.stringMatching(/^agent-mesh-\w{10}$/), namespace: 'agent-mesh' },
      },
    );
    expect(controller.envFrom).toEqual([
      { configMapRef: { name: configMap?.metadata.name ?? 'agent-mesh' } },
    ]);
  });

  it.each([
    ['the controller', deployment.spec.template, merged],
    ['the migration', job.spec.template, variablesOf(migration)],
  ])(
    'names files in the mounted secrets of %s, and docs create their keys',
    (_, pod, variables) => {
      const files = Object.entries(variables).filter(([name]) => name.endsWith('_FILE'));
      const { volumeMounts } = containerOf(pod);
      const [mount] = volumeMounts;
      const [volume] = pod.spec.volumes;

      expect(volumeMounts).toEqual([
        { name: volume?.name, mountPath: mount?.mountPath, readOnly: true },
      ]);
      // Readable for the group, which is that of the process.
      expect(volume?.secret.defaultMode).toBe(0o440);
      const command = commandOf(`create secret generic ${volume?.secret.secretName ?? ''} `);
      const keys = [...command.matchAll(/--from-(?:literal|file)=([\w-]+)/g)].map(([, key]) => key);
      expect(files.map(([, path]) => path).sort()).toEqual(
        keys.map((key) => `${mount?.mountPath ?? ''}/${key ?? ''}`).sort(),
      );
    },
  );

  it('has the rows of the secrets in docs/operations/kubernetes.md', () => {
    const rows = [...PAGE.matchAll(/^\| `([\w-]+)` +\| `([A-Z_]+_FILE)` +\|/gm)].map(
      ([, key, name]) => [name, `/run/secrets/agent-mesh/${key ?? ''}`],
    );

    expect(Object.fromEntries(rows)).toEqual(
      Object.fromEntries(Object.entries(merged).filter(([name]) => name.endsWith('_FILE'))),
    );
  });
});

describe('The pods', () => {
  it.each(PODS)('of %s meet the Pod Security Standard "restricted"', (_, { spec }) => {
    const { securityContext } = containerOf({ spec });

    expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(spec).not.toHaveProperty('hostNetwork');
  });

  it.each(PODS)('of %s run as the user of the image', (_, { spec }) => {
    const [, user] = /^USER (\d+:\d+)$/m.exec(readFileSync('Dockerfile', 'utf8')) ?? [];
    const { runAsUser, runAsGroup } = spec.securityContext;

    expect(`${String(runAsUser)}:${String(runAsGroup)}`).toBe(user);
  });

  it.each(PODS)('of %s have a share of CPU, and a limit of memory only', (_, pod) => {
    const { requests, limits } = containerOf(pod).resources;

    expect(Object.keys(requests).sort()).toEqual(['cpu', 'memory']);
    expect(Object.keys(limits)).toEqual(['memory']);
  });

  it('are spread, and one at a time is replaced or drained', () => {
    const { replicas, strategy, template } = deployment.spec;

    expect(replicas).toBe(2);
    expect(strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(template.spec.topologySpreadConstraints.map(({ topologyKey }) => topologyKey)).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
    expect((find('PodDisruptionBudget') as Resource & { spec: unknown }).spec).toMatchObject({
      maxUnavailable: 1,
    });
  });

  it('of the controller are selected everywhere, and those of the migration by the network policy only', () => {
    const budget = find('PodDisruptionBudget') as Resource & { spec: { selector: Selector } };
    const policy = find('NetworkPolicy') as Resource & { spec: { podSelector: Selector } };
    const both = [true, true];
    const one = [true, false];
    const selections: [Record<string, string>, boolean[]][] = [
      [deployment.spec.selector.matchLabels, one],
      [service.spec.selector, one],
      [budget.spec.selector.matchLabels, one],
      ...deployment.spec.template.spec.topologySpreadConstraints.map(
        ({ labelSelector }): [Record<string, string>, boolean[]] => [
          labelSelector.matchLabels,
          one,
        ],
      ),
      [policy.spec.podSelector.matchLabels, both],
    ];

    for (const [labels, expected] of selections) {
      const found = PODS.map(([, { metadata }]) => selects(labels, metadata.labels));
      expect([labels, found]).toEqual([labels, expected]);
    }
  });
});

describe('The probes and the stop', () => {
  const { startupProbe, livenessProbe, readinessProbe } = controller;

  it('ask the routes for probes, which need no token, at the port of the controller', () => {
    const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
      paths: Record<string, { get?: { security?: unknown[] } }>;
    };
    const probes = [startupProbe, livenessProbe, readinessProbe];
    const [port] = controller.ports;

    expect(probes.map(({ httpGet }) => httpGet.path)).toEqual([
      '/health/live',
      '/health/live',
      '/health/ready',
    ]);
    for (const { httpGet } of probes) {
      expect(paths[httpGet.path]?.get?.security).toEqual([]);
      expect(httpGet.port).toBe(port?.name);
    }
    expect(port?.containerPort).toBe(environment().PORT);
    expect(service.spec.ports).toMatchObject([{ name: 'http', targetPort: port?.name }]);
  });

  it('wait for a start that takes a minute, and fail as docs/operations/kubernetes.md states', () => {
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBe(60);
    expect(PAGE).toContain('| startup   | `/health/live`  | 60 seconds ');
    for (const [name, { failureThreshold, periodSeconds }] of [
      ['liveness ', livenessProbe],
      ['readiness', readinessProbe],
    ] as [string, Probe][]) {
      const row = PAGE.split('\n').find((line) => line.startsWith(`| ${name} `));
      expect(row).toContain(`${failureThreshold} failures, ${periodSeconds} seconds apart`);
    }
    // A readiness check waits a second for PostgreSQL.
    expect(readinessProbe.timeoutSeconds).toBeGreaterThan(1);
  });

  it('leave the time for a stop: preStop, the shutdown delay, and the slowest request', () => {
    const [program, seconds] = controller.lifecycle.preStop.exec.command;
    const { terminationGracePeriodSeconds } = deployment.spec.template.spec;
    const { shutdownDelaySeconds, HTTP_REQUEST_SECONDS } = environment();

    expect(program).toBe('sleep');
    expect(terminationGracePeriodSeconds).toBeGreaterThan(
      Number(seconds) + shutdownDelaySeconds + HTTP_REQUEST_SECONDS,
    );
    const stop = PAGE.split('\n').find((line) => line.startsWith('A pod that is deleted')) ?? '';
    expect(stop.match(/\b\d+\b/g)?.map(Number)).toEqual([
      Number(seconds),
      shutdownDelaySeconds,
      HTTP_REQUEST_SECONDS,
      terminationGracePeriodSeconds,
    ]);
  });
});

describe('The migration', () => {
  it('is the command of npm run migration:run, without the build', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const command = scripts['migration:run']?.replace('node build-when-stale.js && typeorm ', '');
    const { bin } = JSON.parse(readFileSync('node_modules/typeorm/package.json', 'utf8')) as {
      bin: { typeorm: string };
    };

    expect(migration.command?.slice(0, 2)).toEqual([
      'node',
      `node_modules/typeorm/${bin.typeorm.replace('./', '')}`,
    ]);
    expect(migration.command?.slice(2).join(' ')).toBe(command);
    expect(job.spec.template.spec.restartPolicy).toBe('Never');
  });
});

describe('The component for Prometheus', () => {
  it('has the alerts of deploy/prometheus/rules.yml, for the job that the Service names', () => {
    const text = readFileSync('deploy/prometheus/rules.yml', 'utf8');
    const { groups } = parse(text) as { groups: unknown[] };
    const rule = find('PrometheusRule') as Resource & { spec: { groups: unknown[] } };

    expect(groups.length).toBeGreaterThan(1);
    expect(rule.spec.groups).toEqual(groups);
    expect(new Set(text.match(/(?<=job=")[^"]+/g))).toEqual(new Set([service.metadata.name]));
  });
});

/** The value of the file of each secret variable: one that the rules accept. */
function withSecrets(variables: Record<string, string>): Record<string, string> {
  const secrets: Record<string, string> = {
    DATABASE_URL: 'postgres://mesh@db/mesh',
    REDIS_URL: 'redis://cache:6379',
    WEBHOOK_SECRET_KEY: Buffer.alloc(32, 1).toString('base64'),
    AUDIT_SIGNING_KEY: signingKey(),
  };
  const entries = Object.entries(variables).map(([name, value]) => {
    const secret = name.replace(/_FILE$/, '');
    return name.endsWith('_FILE') ? [secret, secrets[secret] ?? ''] : [name, value];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

function environment(): ReturnType<typeof parseEnvironment> {
  const example = readVariables(`${OVERLAY}/controller.env`);
  return parseEnvironment(withSecrets({ ...readVariables('base/controller.env'), ...example }));
}

/** The pod of the controller with another readiness probe. */
function withProbe(readinessProbe: object): unknown {
  const { template } = deployment.spec;
  return {
    ...template,
    spec: { ...template.spec, containers: [{ ...controller, readinessProbe }] },
  };
}

function variablesOf({ env }: Container): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

function containerOf({ spec: { containers } }: Pick<Pod, 'spec'>): Container {
  const [container, ...others] = containers;
  if (!container || others.length > 0) throw new Error('a pod has one container');
  return container;
}

function selects(selector: Record<string, string>, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

function find(kind: string): Resource {
  const [found, ...others] = RESOURCES.filter((resource) => resource.kind === kind);
  if (!found || others.length > 0) throw new Error(`there is not one ${kind}`);
  return found;
}

function kustomizationOf(folder: string): Kustomization {
  return parse(
    readFileSync(`deploy/kubernetes/${folder}/kustomization.yaml`, 'utf8'),
  ) as Kustomization;
}

function patchesOf(folder: string): string[] {
  const { patches = [] } = kustomizationOf(folder);
  return patches.map(({ path }) => `deploy/kubernetes/${folder}/${path}`);
}

/** The command of the page that contains a text, with its continued lines. */
function commandOf(text: string): string {
  return (
    PAGE.replaceAll(/ *\\\n */g, ' ')
      .split('\n')
      .find((line) => line.includes(text)) ?? ''
  );
}

function signingKey(): string {
  return generateKeyPairSync('ed25519')
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString();
}
