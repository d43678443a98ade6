import { resolve } from 'node:path';
import ts from 'typescript';
import { messageOf } from '../../src/errors/error-text.js';
import type { Resource } from './kubernetes.js';

/** Packages with the schemas of an API group. Groups that are not listed are those of Kubernetes. */
const MODELS: Readonly<Partial<Record<string, string>>> = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

interface Model {
  validate(): void;
}

/**
 * Compares resources with the schemas of Kubernetes: missing members and wrong values by the validators of
 * kubernetes-models, unknown members by its types, because its validators ignore them.
 *
 * @returns a line for each problem
 */
export async function schemaProblems(resources: readonly Resource[]): Promise<string[]> {
  const problems: string[] = [];
  // One after the other: Jest does not load one module twice at the same time.
  for (const resource of resources) problems.push(...(await valueProblems(resource)));
  return [...problems, ...memberProblems(resources)];
}

async function valueProblems(resource: Resource): Promise<string[]> {
  try {
    const models = (await import(moduleOf(resource))) as Record<
      string,
      new (data: Resource) => Model
    >;
    const Kind = models[resource.kind];
    if (!Kind) return [`${nameOf(resource)}: no such kind`];
    new Kind(resource).validate();
    return [];
  } catch (error) {
    return [`${nameOf(resource)}: ${messageOf(error)}`];
  }
}

/** The compiler refuses members that a type does not have in an object literal. */
function memberProblems(resources: readonly Resource[]): string[] {
  const file = resolve('test/support/resources.generated.ts');
  const text = resources
    .map(
      (resource, n) =>
        `export const resource${n}: import('${moduleOf(resource)}').I${resource.kind} = ${JSON.stringify(resource)};`,
    )
    .join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? text : disk.readFile(name)),
    getSourceFile: (name, target) =>
      name === file ? ts.createSourceFile(name, text, target) : disk.getSourceFile(name, target),
  };
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ start = 0, messageText }) => {
    const line = text.slice(0, start).split('\n').length - 1;
    const resource = resources[line];
    const message = ts.flattenDiagnosticMessageText(messageText, ' ');
    return `${resource ? nameOf(resource) : file}: ${message}`;
  });
}

/** The module with the type and the validator of a resource. */
function moduleOf({ apiVersion, kind }: Resource): string {
  const [group = ''] = apiVersion.split('/');
  return `${MODELS[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
}

function nameOf({ kind, metadata }: Resource): string {
  return `${kind} ${metadata.name}`;
}
