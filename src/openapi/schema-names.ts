import type { OpenAPIObject } from '@nestjs/swagger';
import { type Operation, operationsOf } from './operations.js';

const SCHEMAS = '#/components/schemas/';

/**
 * Names the schemas for generated clients: the body of an operation after the operation, for example `RouteTaskBody` of
 * `routeTask`, and every other schema after its class, without the suffix `Dto`. Describes the bodies.
 *
 * @throws Error if two schemas receive the same name
 */
export function nameSchemas(document: OpenAPIObject): OpenAPIObject {
  const classes = Object.keys(document.components?.schemas ?? {});
  const names = new Map(classes.map((name) => [name, name.replace(/Dto$/, '')]));
  for (const { method, path, operation } of operationsOf(document)) {
    const body = bodyOf(operation);
    if (body === undefined) continue;
    names.set(body, `${capitalise(operation.operationId ?? body)}Body`);
    describe(document, body, `The body of \`${method.toUpperCase()} ${path}\`.`);
  }
  if (new Set(names.values()).size < names.size)
    throw new Error(
      `Schemas of the API document have the same name: ${[...names.values()].join(', ')}`,
    );
  return rename(document, names);
}

function bodyOf({ requestBody }: Operation): string | undefined {
  if (!requestBody || !('content' in requestBody)) return undefined;
  const schema = requestBody.content['application/json']?.schema;
  return schema && '$ref' in schema ? schema.$ref.slice(SCHEMAS.length) : undefined;
}

function describe(document: OpenAPIObject, name: string, description: string): void {
  const schema = document.components?.schemas?.[name];
  if (schema && !('$ref' in schema)) schema.description = description;
}

function rename(document: OpenAPIObject, names: ReadonlyMap<string, string>): OpenAPIObject {
  const renamed = JSON.parse(JSON.stringify(document), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' && value.startsWith(SCHEMAS)
      ? `${SCHEMAS}${names.get(value.slice(SCHEMAS.length)) ?? value}`
      : value,
  ) as OpenAPIObject;
  const schemas = Object.entries(renamed.components?.schemas ?? {});
  return {
    ...renamed,
    components: {
      ...renamed.components,
      schemas: Object.fromEntries(
        schemas.map(([name, schema]) => [names.get(name) ?? name, schema]),
      ),
    },
  };
}

function capitalise(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
