import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/** A JSON object. */
export type Json = Record<string, unknown>;

const ROOT = 'openapi.json';

/**
 * Validators of the schemas of an OpenAPI 3.1 document, each compiled when it is first needed. A schema is JSON Schema,
 * except that an object with `properties` has no others unless it allows them.
 */
export class ApiSchemas {
  private readonly ajv = new Ajv({ allErrors: true, strict: false });
  private readonly compiled = new WeakMap<object, ValidateFunction>();

  constructor(document: Json) {
    addFormats.default(this.ajv);
    const { schemas = {} } = (document.components ?? {}) as { schemas?: Json };
    this.ajv.addSchema({ $id: ROOT, components: { schemas: mapValues(schemas, toJsonSchema) } });
  }

  /** What is wrong with a value: a JSON Pointer into it and a message for each problem. */
  problemsOf(schema: Json, value: unknown): string[] {
    const validate = this.validatorOf(schema);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message = '', params }) =>
      [
        instancePath.replace(/\/\d+(?=\/|$)/g, '/*') || '/',
        message,
        'additionalProperty' in params ? String(params.additionalProperty) : '',
        'allowedValues' in params ? `got ${JSON.stringify(at(value, instancePath))}` : '',
      ]
        .filter(Boolean)
        .join(' '),
    );
  }

  private validatorOf(schema: Json): ValidateFunction {
    const found = this.compiled.get(schema);
    if (found) return found;
    const validate = this.ajv.compile(toJsonSchema(schema));
    this.compiled.set(schema, validate);
    return validate;
  }
}

function toJsonSchema(schema: unknown): Json {
  const { $ref, properties, items, additionalProperties, ...rest } = schema as Json;
  if (typeof $ref === 'string') return { $ref: $ref.replace(/^#/, `${ROOT}#`) };
  const made: Json = { ...rest };
  for (const list of ['allOf', 'oneOf', 'anyOf']) {
    if (Array.isArray(made[list])) made[list] = made[list].map(toJsonSchema);
  }
  if (items !== undefined) made.items = toJsonSchema(items);
  if (properties !== undefined) made.properties = mapValues(properties as Json, toJsonSchema);
  const more = additionalProperties ?? (properties === undefined ? undefined : false);
  if (more !== undefined)
    made.additionalProperties = typeof more === 'object' ? toJsonSchema(more) : more;
  return made;
}

function mapValues(object: Json, map: (value: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}

function at(value: unknown, pointer: string): unknown {
  const names = pointer.split('/').slice(1);
  return names.reduce<unknown>(
    (found, name) =>
      (found as Json | undefined)?.[name.replaceAll('~1', '/').replaceAll('~0', '~')],
    value,
  );
}
