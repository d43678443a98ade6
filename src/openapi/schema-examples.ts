import type { OpenAPIObject } from '@nestjs/swagger';
import { isRecord } from '../common/is-record.js';

/** Turns `example` of schemas into the list `examples` of JSON Schema, which OpenAPI 3.1 uses. */
export function listExamples(document: OpenAPIObject): OpenAPIObject {
  const { schemas = {} } = document.components ?? {};
  const listed = JSON.parse(JSON.stringify(schemas), (_, value: unknown) => {
    if (!isRecord(value) || !('example' in value)) return value;
    const { example, ...schema } = value;
    return { ...schema, examples: [example] };
  }) as typeof schemas;
  return { ...document, components: { ...document.components, schemas: listed } };
}
