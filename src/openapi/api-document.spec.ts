import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { ERRORS } from '../errors/error-codes.js';
import { isRecord } from '../common/is-record.js';
import { operationsOf } from './operations.js';

const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenAPIObject;
const operations = operationsOf(document).map(({ path, operation }) => ({
  path,
  operation,
  id: operation.operationId ?? '',
}));
const schemas = Object.keys(document.components?.schemas ?? {});

describe('Operation ids', () => {
  it.each(operations)('$path $id: is a verb and a noun in camel case', ({ id }) => {
    expect(id).toMatch(/^[a-z]+([A-Z][a-z0-9]+)+$/);
  });

  it('are unique in any letter case', () => {
    const ids = operations.map(({ id }) => id.toLowerCase());
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('Schema names', () => {
  it.each(schemas)('%s: is in Pascal case, without the suffix Dto', (name) => {
    expect(name).toMatch(/^([A-Z][a-z0-9]+)+$/);
    expect(name).not.toMatch(/Dto$/);
  });

  it.each(schemas)('%s: names no type of JavaScript', (name) => {
    expect(Object.hasOwn(globalThis, name)).toBe(false);
  });

  // Generators derive these names from operation ids, for example RouteTaskData and RouteTaskResponse.
  it('differ from names that generators derive', () => {
    const derived = operations.flatMap(({ id }) =>
      ['Data', 'Error', 'Errors', 'Response', 'Responses'].map((suffix) =>
        `${id}${suffix}`.toLowerCase(),
      ),
    );
    expect(schemas.filter((name) => derived.includes(name.toLowerCase()))).toEqual([]);
  });

  it.each(operations)('$path $id: names its body after the operation', ({ id, operation }) => {
    const { requestBody } = operation;
    const schema =
      requestBody && 'content' in requestBody
        ? requestBody.content['application/json']?.schema
        : undefined;
    if (schema && '$ref' in schema)
      expect(schema.$ref).toBe(
        `#/components/schemas/${id.charAt(0).toUpperCase()}${id.slice(1)}Body`,
      );
  });
});

describe('Descriptions', () => {
  it.each(operations)('$path $id: states the purpose, then lists the errors', ({ operation }) => {
    const [purpose = '', ...more] = (operation.description ?? '').split(/\n\n(?=\|)/);
    expect(purpose.length).toBeGreaterThan(80);
    expect(purpose).toMatch(/[.]$/);
    expect(more).toHaveLength(1);
  });

  it.each(schemas)('%s: has a description, and one of each member', (name) => {
    const schema = document.components?.schemas?.[name];
    expect(schema).toMatchObject({ description: expect.stringMatching(/^[A-Z].*[.]$/) });
    expect(undescribed(schema, name)).toEqual([]);
  });

  it.each(operations)('$path $id: has a description of each parameter', ({ operation }) => {
    const names = (operation.parameters ?? []).filter(
      (parameter) => !('name' in parameter) || !parameter.description,
    );
    expect(names).toEqual([]);
  });

  it('introduce each tag, and the security scheme with the way to a token', () => {
    for (const { description = '' } of document.tags ?? [])
      expect(description.length).toBeGreaterThan(60);
    expect(document.components?.securitySchemes?.['bearer']).toMatchObject({
      description: expect.stringContaining('npm run token'),
    });
    expect(document.externalDocs?.url).toBe('http://localhost:8088/api-docs/asyncapi.json');
  });
});

describe('Error responses', () => {
  const shared = document.components?.responses ?? {};

  it.each(operations.filter(({ path }) => !['/mcp', '/health/ready'].includes(path)))(
    '$path $id: are references to shared responses',
    ({ operation }) => {
      const errors = Object.entries(operation.responses).filter(
        ([status]) => Number(status) >= 400,
      );
      expect(errors.length).toBeGreaterThan(0);
      for (const [, response] of errors)
        expect(response).toEqual({
          $ref: expect.stringMatching(/^#\/components\/responses\/[A-Z]\w+$/),
        });
    },
  );

  it.each(operations)(
    '$path $id: has a table with each status and known codes',
    ({ operation }) => {
      const rows = [...(operation.description ?? '').matchAll(/^\| (\d{3}) \| `([a-z_.]+)` \|/gm)];
      for (const [, status, code = ''] of rows)
        expect([code, Object.entries(ERRORS).find(([name]) => name === code)?.[1][0]]).toEqual([
          code,
          Number(status),
        ]);
      const statuses = Object.keys(operation.responses).filter((status) => Number(status) >= 400);
      // MCP and the readiness probe have a response in a form of their own.
      const own = { sendMcpMessage: '406', getReadiness: '503' };
      const listed = rows.map(([, status]) => status);
      for (const status of statuses) {
        const isOwn = Object.entries(own).some(
          ([id, of]) => id === operation.operationId && of === status,
        );
        if (!isOwn) expect(listed).toContain(status);
      }
    },
  );

  it('declare their headers', () => {
    const headersOf = (name: string): string[] => {
      const response = shared[name];
      return response && 'headers' in response ? Object.keys(response.headers ?? {}) : [];
    };
    for (const name of Object.keys(shared))
      expect(headersOf(name)).toEqual(
        expect.arrayContaining(['X-Trace-Id', 'RateLimit', 'RateLimit-Policy']),
      );
    expect(headersOf('TooManyRequests')).toContain('Retry-After');
    expect(headersOf('ServiceUnavailable')).toContain('Retry-After');
    expect(headersOf('Conflict')).toContain('Retry-After');
    expect(headersOf('Unauthorized')).toContain('WWW-Authenticate');
    expect(headersOf('PreconditionFailed')).toContain('ETag');
  });
});

describe('The document', () => {
  it('is OpenAPI 3.1, with the JSON Schema forms of null and examples', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(JSON.stringify(document)).not.toContain('"nullable"');
    expect(JSON.stringify(document.components?.schemas)).not.toContain('"example":');
  });

  it('describes the requests to webhooks', () => {
    const { post } = document.webhooks?.['event'] ?? {};
    expect(post).toMatchObject({
      operationId: 'receiveEvent',
      requestBody: {
        content: {
          'application/cloudevents+json': { schema: { $ref: '#/components/schemas/CloudEvent' } },
        },
      },
    });
  });

  it('marks the v0.4 form of a decision as deprecated', () => {
    const body = document.components?.schemas?.['RequestApprovalBody'];
    expect(body).toMatchObject({
      properties: { decision: { deprecated: true }, comments: { deprecated: true } },
    });
  });
});

/** The members of a schema that have no description, with their paths. */
function undescribed(schema: unknown, path: string): string[] {
  if (!isRecord(schema)) return [];
  const { properties, items, allOf, anyOf, oneOf } = schema;
  const lists = [allOf, anyOf, oneOf].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  return [
    ...Object.entries(isRecord(properties) ? properties : {}).flatMap(([name, member]) => {
      const isDescribed = isRecord(member) && typeof member['description'] === 'string';
      return [
        ...(isDescribed ? [] : [`${path}.${name}`]),
        ...undescribed(member, `${path}.${name}`),
      ];
    }),
    ...[items, ...lists].flatMap((part) => undescribed(part, path)),
  ];
}
