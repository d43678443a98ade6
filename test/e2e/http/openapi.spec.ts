import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { getFromHost } from '../../support/host-request.js';
import { useSharedApp } from '../../support/kit.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const WORKFLOW = [
  'Identity',
  'Tasks',
  'Roles',
  'Sessions',
  'Approvals',
  'Audit',
  'Events',
  'Webhooks',
  'Idempotency',
  'MCP',
  'Health',
] as const;

type Json = Record<string, unknown>;

/** One operation of the document, with where it is. */
interface Operation {
  name: string;
  method: string;
  path: string;
  summary?: string;
  tags: string[];
  security: unknown[];
  parameters: Json[];
  body?: Json;
  responses: Record<string, Json>;
}

describe('docs/openapi.json', () => {
  const text = readFileSync('docs/openapi.json', 'utf8');
  const document = JSON.parse(text) as OpenAPIObject;
  const operations = operationsOf(document);
  const mesh = useSharedApp();

  it('equals GET /api-docs/openapi.json: else run "npm run openapi"', async () => {
    const served = await getFromHost(`${mesh.url}/api-docs/openapi.json`, 'localhost:8088');
    expect(`${JSON.stringify(JSON.parse(served), null, 2)}\n`).toBe(text);
  });

  it('contains every route of the controller', () => {
    const documented = operations.map(({ method, path }) => `${method} ${path}`);
    expect(documented.sort()).toEqual(routesOf(mesh).sort());
  });

  it('has its tags in the order of a workflow, each with a description and a route', () => {
    expect(document.tags?.map(({ name }) => name)).toEqual(WORKFLOW);
    expect(document.tags?.filter(({ description }) => !description)).toEqual([]);
    const used = new Set(operations.flatMap(({ tags }) => tags));
    expect([...used].sort()).toEqual([...WORKFLOW].sort());
  });

  it.each(operations)('$name: has a summary and one tag', ({ summary, tags }) => {
    expect(summary).toMatch(/^[A-Z].{5,}[^.]$/);
    expect(tags).toHaveLength(1);
  });

  it.each(operations)('$name: describes its responses', ({ path, responses }) => {
    const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'));
    expect(successes.length).toBeGreaterThan(0);
    for (const [status, { description, content }] of successes) {
      expect(description).toMatch(/\w/);
      const isEmpty = status === '204' || (path === '/mcp' && status === '202');
      if (!isEmpty) expect(content).toBeDefined();
    }
  });

  it.each(operations.filter(({ security }) => security.length > 0))(
    '$name: lists the errors of a call with a token',
    ({ responses, body, path }) => {
      const expected = [
        '400',
        '401',
        '503',
        ...(body ? ['413', '415'] : []),
        ...(body && path !== '/mcp' ? ['422'] : []),
      ];
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(expected));
    },
  );

  // The probe tells readiness in its own words.
  it.each(operations.filter(({ path }) => path !== '/health/ready'))(
    '$name: describes errors as problem documents',
    ({ path, responses }) => {
      const errors = Object.entries(responses).filter(([status]) => Number(status) >= 400);
      for (const [status, response] of errors) {
        const { content } = resolved(document, response);
        // MCP has errors of its own.
        const ofMcp: Record<string, string[]> = {
          400: ['application/json', 'application/problem+json'],
          406: ['application/json'],
        };
        const types = (path === '/mcp' ? ofMcp[status] : undefined) ?? ['application/problem+json'];
        expect(Object.keys(content as Json)).toEqual(types);
      }
    },
  );

  it.each(operations)('$name: has an example for each path parameter', ({ parameters }) => {
    const inPath = parameters.filter((parameter) => parameter.in === 'path');
    const schemas = inPath.map(({ schema }) => schema as Json);
    expect(schemas).toEqual(
      schemas.map(({ type }) =>
        expect.objectContaining({
          type: expect.stringMatching(/^(string|integer)$/),
          example: type === 'integer' ? expect.any(Number) : expect.any(String),
        }),
      ),
    );
  });

  // Swagger UI would send them along with every try.
  it.each(operations)('$name: has no example for optional parameters', ({ parameters }) => {
    const filled = parameters.filter(
      ({ required, schema }) => required !== true && (schema as Json).example !== undefined,
    );
    expect(filled.map(({ name }) => name)).toEqual([]);
  });

  it.each(operations.filter(({ body }) => body !== undefined))(
    '$name: has valid examples of its body',
    async (operation) => {
      const examples = examplesOf(document, operation);
      expect(examples.length).toBeGreaterThan(0);
      const agent = new Client(mesh.url, tokenFor(['finance', 'manager']));
      const path = operation.path.replace('{id}', '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c');
      for (const example of examples) {
        const answer = await agent.call(operation.method, path, { body: example });
        expect(answer).not.toMatchObject({ status: 400 });
        expect(answer.status).toBeLessThan(500);
      }
    },
  );
});

function operationsOf({ paths }: OpenAPIObject): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((verb) => {
      const found = item[verb];
      if (!found) return [];
      const method = verb.toUpperCase();
      const body = found.requestBody && (found.requestBody as unknown as Json);
      return [
        {
          name: `${method} ${path}`,
          method,
          path,
          summary: found.summary,
          tags: found.tags ?? [],
          security: found.security ?? [],
          parameters: (found.parameters ?? []) as unknown as Json[],
          ...(body && { body }),
          responses: found.responses as unknown as Record<string, Json>,
        },
      ];
    }),
  );
}

/** The examples of a body: those with a name, else the one that its members' examples make, as Swagger UI shows it. */
function examplesOf(document: OpenAPIObject, { body }: Operation): unknown[] {
  const media = (body?.content as Record<string, Json>)['application/json'] ?? {};
  if (media.examples)
    return Object.values(media.examples as Json).map((each) => (each as Json).value);
  const name = String((media.schema as Json).$ref)
    .split('/')
    .at(-1);
  const schema = document.components?.schemas?.[name ?? ''] as { properties: Record<string, Json> };
  return [
    Object.fromEntries(
      Object.entries(schema.properties).map(([member, { example }]) => [member, example]),
    ),
  ];
}

/** A response, or the shared one that it refers to. */
function resolved({ components }: OpenAPIObject, response: Json): Json {
  if (typeof response.$ref !== 'string') return response;
  const name = response.$ref.replace('#/components/responses/', '');
  return (components?.responses?.[name] ?? {}) as unknown as Json;
}

/** The routes as Express has them, in the words of the document; those of the documentation itself aside. */
function routesOf({ app }: TestApp): string[] {
  const server = app.getHttpAdapter().getInstance() as { router: { stack: RouteLayer[] } };
  return server.router.stack.flatMap(({ route }) => {
    if (!route || /^\/(api-)?docs/.test(route.path)) return [];
    const path = route.path.replace(/[:*](\w+)/g, '{$1}');
    const methods = Object.keys(route.methods);
    // The handler that refuses every other method of /mcp is no route to document.
    if (methods.length > 1) return [];
    return methods.map((method) => `${method.toUpperCase()} ${path}`);
  });
}

interface RouteLayer {
  route?: { path: string; methods: Record<string, boolean> };
}
