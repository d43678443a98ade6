import { readFileSync } from 'node:fs';
import { ApiSchemas, type Json } from './api-schemas.js';

/** Headers of any HTTP response and of its security policy, which the document does not declare. */
const GENERIC_HEADERS =
  /^(access-control-.*|allow|cache-control|connection|content-.*|cross-origin-.*|date|keep-alive|origin-agent-cluster|referrer-policy|strict-transport-security|transfer-encoding|vary|x-content-type-options|x-dns-prefetch-control|x-download-options|x-frame-options|x-permitted-cross-domain-policies|x-xss-protection)$/;

/** A row of the table of error codes in the description of an operation. */
const CODE = /^\| (\d{3}) \| `([a-z_.]+)` \|/gm;

interface Operation {
  readonly name: string;
  readonly path: RegExp;
  readonly responses: Record<string, Json>;
  /** The statuses and error codes in the table of its description, such as `404 task.not_found`. */
  readonly codes: readonly string[];
}

/** One response of a controller, read whole. */
export interface SeenResponse {
  method: string;
  url: string;
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Compares responses with the document of the API: their status, media type, body and headers. A header that is declared
 * as required must be there, and one that is there must be declared.
 *
 * A request to a route that the document does not have is left out, as is one with a method that the route does not have.
 */
export class ApiContract {
  private readonly operations = new Map<string, Operation[]>();
  private readonly schemas: ApiSchemas;
  private readonly headers: Record<string, Json>;
  private readonly shared: Record<string, Json>;

  constructor(document: Json) {
    const components = (document.components ?? {}) as Record<string, Record<string, Json>>;
    this.headers = components.headers ?? {};
    this.shared = components.responses ?? {};
    this.schemas = new ApiSchemas(document);
    for (const [path, methods] of Object.entries(document.paths as Record<string, Json>)) {
      for (const [verb, found] of Object.entries(methods)) {
        const method = verb.toUpperCase();
        const { responses, description = '' } = found as {
          responses: Record<string, Json>;
          description?: string;
        };
        const name = `${method} ${path}`;
        const codes = [...description.matchAll(CODE)].map(
          ([, status, code]) => `${status ?? ''} ${code ?? ''}`,
        );
        const operation = { name, path: patternOf(path), responses, codes };
        // A path without parameters goes before one that has them.
        const known = this.operations.get(method) ?? [];
        this.operations.set(
          method,
          path.includes('{') ? [...known, operation] : [operation, ...known],
        );
      }
    }
  }

  /** The contract in `docs/openapi.json`. */
  static read(): ApiContract {
    return new ApiContract(JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as Json);
  }

  /** What is wrong with a response; each line names method, path, status and pointer. */
  problemsOf(response: SeenResponse): string[] {
    const operation = this.operationOf(response.method, response.url);
    if (!operation) return [];
    const documented = this.responseOf(operation.responses[response.status]);
    const problems = documented
      ? [
          ...this.problemsOfHeaders(documented, response.headers),
          ...this.problemsOfBody(documented, response, operation.codes),
        ]
      : [`the status is not documented: ${response.text.slice(0, 200)}`];
    return problems.map((problem) => `${operation.name} ${response.status}: ${problem}`);
  }

  /** Whether the document has the route. */
  knows(method: string, url: string): boolean {
    return this.operationOf(method, url) !== undefined;
  }

  private operationOf(method: string, url: string): Operation | undefined {
    const { pathname } = new URL(url);
    return this.operations.get(method)?.find(({ path }) => path.test(pathname));
  }

  private responseOf(response: Json | undefined): Json | undefined {
    if (typeof response?.$ref !== 'string') return response;
    return this.shared[response.$ref.replace('#/components/responses/', '')];
  }

  private problemsOfHeaders({ headers = {} }: Json, sent: Headers): string[] {
    const declared = Object.entries(headers as Record<string, Json>);
    const names = new Set(declared.map(([name]) => name.toLowerCase()));
    const undeclared = [...sent.keys()].filter(
      (name) => !names.has(name) && !GENERIC_HEADERS.test(name),
    );
    return [
      ...undeclared.map((name) => `header ${name} is not documented`),
      ...declared.flatMap(([name, header]) => this.problemsOfHeader(name, header, sent.get(name))),
    ];
  }

  private problemsOfHeader(name: string, header: Json, value: string | null): string[] {
    const { schema, required } = this.headerOf(header);
    if (value === null) return required === true ? [`header ${name} is missing`] : [];
    const { type } = schema as Json;
    return this.schemas
      .problemsOf(schema as Json, type === 'integer' ? Number(value) : value)
      .map((problem) => `header ${name}: ${problem}`);
  }

  private headerOf(header: Json): Json {
    if (typeof header.$ref !== 'string') return header;
    const found = this.headers[header.$ref.replace('#/components/headers/', '')];
    if (!found) throw new Error(`${header.$ref} is missing`);
    return found;
  }

  private problemsOfBody(
    { content }: Json,
    { status, headers, text }: SeenResponse,
    codes: readonly string[],
  ): string[] {
    if (content === undefined) return text === '' ? [] : ['a body is not documented'];
    const type = (headers.get('content-type') ?? 'none').split(';', 1)[0] ?? '';
    const media = (content as Record<string, Json>)[type];
    if (!media) return [`the media type ${type} is not documented: ${text.slice(0, 200)}`];
    const schema = media.schema as Json;
    const values = valuesOf(type, text);
    return [
      ...values.flatMap((value) => this.schemas.problemsOf(schema, value)),
      ...(type === 'application/problem+json' ? problemsOfCode(codes, values[0], status) : []),
    ];
  }
}

function problemsOfCode(codes: readonly string[], problem: unknown, status: number): string[] {
  const { code } = problem as { code?: string };
  return code === undefined || codes.includes(`${status} ${code}`)
    ? []
    : [`/code ${code} is not documented`];
}

/** A body as its schema describes it: a stream of lines has one value in each. */
function valuesOf(type: string, text: string): unknown[] {
  if (type === 'application/x-ndjson')
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  return [type.endsWith('json') ? (JSON.parse(text) as unknown) : text];
}

function patternOf(path: string): RegExp {
  const escaped = path
    .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
    .replace(/\{path\}/g, '.+')
    .replace(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${escaped}$`);
}
