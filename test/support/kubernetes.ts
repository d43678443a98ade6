import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { onPath } from './debian-packages.js';

/** A resource as far as all of them are alike. */
export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
}

export interface Pod {
  metadata: { labels: Record<string, string> };
  spec: {
    automountServiceAccountToken: boolean;
    enableServiceLinks: boolean;
    restartPolicy?: string;
    terminationGracePeriodSeconds: number;
    securityContext: Record<string, unknown>;
    topologySpreadConstraints: { topologyKey: string; labelSelector: Selector }[];
    containers: Container[];
    volumes: { name: string; secret: { secretName: string; defaultMode: number } }[];
  };
}

export interface Selector {
  matchLabels: Record<string, string>;
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  ports: { name: string; containerPort: number }[];
  envFrom: { configMapRef: { name: string } }[];
  env: { name: string; value: string }[];
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: Record<string, unknown>;
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  lifecycle: { preStop: { exec: { command: string[] } } };
  volumeMounts: { name: string; mountPath: string; readOnly: boolean }[];
}

export interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  timeoutSeconds: number;
  failureThreshold: number;
}

export const KUBERNETES = 'deploy/kubernetes';

/** The files of all resources, without those that only kustomize reads. */
export function resourceFiles(): string[] {
  return readdirSync(KUBERNETES, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml') && !name.endsWith('kustomization.yaml'))
    .map((name) => join(KUBERNETES, name))
    .sort();
}

export function readResources(file: string): Resource[] {
  return parse(readFileSync(file, 'utf8'));
}

/** The resources of an overlay by `kubectl kustomize`; undefined without kubectl. */
export function render(folder: string): Resource[] | undefined {
  if (onPath('kubectl') === undefined) return undefined;
  const path = join(KUBERNETES, folder);
  return parse(execFileSync('kubectl', ['kustomize', path], { encoding: 'utf8' }));
}

/** The variables of a file that a generator of ConfigMaps reads. */
export function readVariables(file: string): Record<string, string> {
  const lines = readFileSync(join(KUBERNETES, file), 'utf8').split('\n');
  const pairs = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    pairs.map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
}

function parse(text: string): Resource[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error) throw error;
    return document.toJS() as Resource;
  });
}
