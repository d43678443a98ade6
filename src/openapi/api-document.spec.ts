import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
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
