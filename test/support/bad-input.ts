import type { OpenAPIObject } from '@nestjs/swagger';

type Json = Record<string, unknown>;

interface Schema {
  type?: string;
  $ref?: string;
  enum?: string[];
  format?: string;
  minimum?: number;
  properties?: Record<string, Schema>;
  example?: unknown;
}

interface Parameter {
  in: string;
  name: string;
  schema: Schema;
}

interface Operation {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema; examples?: Record<string, Json> }> };
  security?: unknown[];
}

/** A request that is wrong in one way, and what it may be answered. */
export interface BadRequest {
  route: string;
  what: string;
  method: string;
  /** With `{name}` where the path has a parameter that is not what is wrong. */
  path: string;
  /** Names and values in turn, so that a name may come twice. */
  headers: string[];
  body?: string | Buffer;
  /** Without the token that every other request has. */
  anonymous?: boolean;
  statuses: number[];
}

type Flaw = Partial<Omit<BadRequest, 'route' | 'method'>> & Pick<BadRequest, 'what' | 'statuses'>;

/** Something that neither an answer nor a log may repeat. */
export const CANARY = 'canary-4711-do-not-repeat';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const UUID = '00000000-0000-4000-8000-000000000000';
const JSON_TYPE = ['Content-Type', 'application/json'];
const MIB = 1_048_576;

const BAD_IDS = [
  ...['nonsense', '%00', '%FF', '%', '1', '-1', `${UUID}0`, `task_${UUID}`, `TASK-${UUID}`],
  ...[`{${UUID}}`, `' OR 1=1 --`, '%F0%9F%92%A3', '..%2F..%2Fetc%2Fpasswd', 'x'.repeat(3_000)],
];
/** Role names that cannot be. Most bad ids are role names. */
const BAD_ROLES = ['%00', '%FF', '%', 'a,b', '%20a', '%E2%80%8B', 'x'.repeat(51)];
/** The bad values of the path parameters that are no ids. */
const BAD_NAMED: Record<string, readonly string[]> = {
  role: BAD_ROLES,
  position: BAD_IDS.filter((id) => id !== '1'),
  level: BAD_IDS.filter((id) => id !== '1'),
};
const BAD_TEXTS = ['%00', '%FF', '%ED%A0%80', '%', `${'x'.repeat(3_000)}%0A`];
const BAD_NUMBERS = ['', '1e2', '1.5', '0x10', '%201', '+1', '%EF%BC%91', '9'.repeat(30), 'NaN'];
const BAD_TIMES = ['yesterday', 'now', 'infinity', '-infinity', '2026-02-30T00:00:00Z', '1e9', ''];
const IS_TIME = /^(from|to|.*_(at|since|before)|not_before|timestamp)$/;

const BAD_MEMBERS: Record<string, readonly unknown[]> = {
  string: [7, true, [], [CANARY], {}, { toString: CANARY }, 'a\u0000'],
  integer: ['1', 1.5, -1, 1e21, {}, [], true, '1e2'],
  boolean: ['true', 1, [], {}],
  object: [CANARY, 7, [], true],
  array: [CANARY, 7, {}, [7], [[]], [null]],
};

const BAD_BODIES: readonly [what: string, body: string | Buffer, status?: number][] = [
  ['half of an object', `{"a":"${CANARY}`],
  ['two objects', '{}{}'],
  ['no JSON', CANARY],
  ['a text', `"${CANARY}"`],
  ['a number', '7'],
  ['null', 'null'],
  ['a list', `["${CANARY}"]`],
  ['NaN', '{"a":NaN}'],
  ['a number beyond doubles', '{"a":1e400}'],
  ['an integer beyond 2^53', '{"a":9007199254740993}'],
  ['U+0000', `{"a":"\\u0000${CANARY}"}`],
  ['half of a surrogate pair', '{"a":"\\ud83e"}'],
  ['what is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['__proto__', '{"__proto__":{"role":"admin"}}'],
  ['constructor', '{"constructor":{"prototype":{"role":"admin"}}}'],
  ['33 levels', '{"a":'.repeat(33) + '1' + '}'.repeat(33)],
  ['100,000 levels', '['.repeat(100_000)],
  ['2,001 members', `{${Array.from({ length: 2_001 }, (_, n) => `"k${n}":1`).join()}}`],
  ['a list of 1,001', `{"a":[${Array<string>(1_001).fill('1').join()}]}`],
  ['a text of 64 KiB and 1', `{"a":"${'x'.repeat(65_537)}"}`],
  ['1 MiB and 1', `{"a":"${'x'.repeat(MIB - 7)}"}`, 413],
];

const BAD_MEDIA = [
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
  ...['application/json; charset=latin1', 'application/vnd.api+json', 'application/json, text/xml'],
];

const BAD_KEYS = ['', 'a b', 'a,b', '\u00e9', '"a', 'x'.repeat(256)];

/** Bad requests to each route of an API, made from what its document says of it. */
export function badRequests(document: OpenAPIObject): BadRequest[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((verb) => {
      const operation = item[verb] as Operation | undefined;
      if (!operation) return [];
      const method = verb.toUpperCase();
      const flaws = [
        ...flawsOfAny(path, operation),
        ...flawsOfPath(path, operation),
        ...flawsOfQuery(path, operation),
        ...flawsOfBody(document, operation),
      ];
      return flaws.map((flaw) => ({
        ...{ route: `${method} ${path}`, method, path },
        ...flaw,
        headers: flaw.headers ?? (flaw.body === undefined ? [] : JSON_TYPE),
      }));
    }),
  );
}

function flawsOfAny(path: string, { security }: Operation): Flaw[] {
  const twice: Flaw[] = [
    ['Host', 'mesh'],
    ['Content-Type', 'application/json'],
    ['If-Match', '"a"'],
    ['Idempotency-Key', 'a'],
  ].map(([name = '', value = '']) => ({
    what: `${name} twice`,
    headers: name === 'Host' ? [name, value] : [name, value, name, value],
    statuses: [400],
  }));
  const always = [
    ...twice,
    { what: 'a parameter twice', path: `${path}?a=1&a=1`, statuses: [400] },
    { what: 'headers of 20 KB', headers: ['X-A', 'x'.repeat(20_000)], statuses: [431] },
  ];
  if (!security?.length) return always;
  return [
    ...always,
    ...['nonsense', 'toString', '__proto__'].map((name) => ({
      what: `the unknown parameter ${name}`,
      path: `${path}?${name}=1`,
      // Probes may carry what they like; that of the metrics takes another role.
      statuses: path === '/metrics' ? [403] : [400],
    })),
    { what: 'no token', anonymous: true, statuses: [401] },
    ...['Bearer', `Bearer ${CANARY}`, `Basic ${CANARY}`, `Bearer ${'x'.repeat(9_000)}`].map(
      (value) => ({
        what: `a token like ${value.slice(0, 12)}`,
        anonymous: true,
        headers: ['Authorization', value],
        statuses: [401],
      }),
    ),
  ];
}

function flawsOfPath(path: string, { parameters = [] }: Operation): Flaw[] {
  return parameters
    .filter((parameter) => parameter.in === 'path')
    .flatMap(({ name }) =>
      (BAD_NAMED[name] ?? BAD_IDS).map((id) => ({
        what: `the ${name} ${id.slice(0, 20)}`,
        path: path.replace(`{${name}}`, encodeURI(id).replaceAll('%25', '%')),
        statuses: [400, 404],
      })),
    );
}

function flawsOfQuery(path: string, { parameters = [] }: Operation): Flaw[] {
  return parameters
    .filter((parameter) => parameter.in === 'query')
    .flatMap(({ name, schema }) =>
      badValuesOf(name, schema).map((value) => ({
        what: `${name}=${value.slice(0, 20)}`,
        path: `${path}?${name}=${value}`,
        statuses: [400],
      })),
    );
}

function badValuesOf(name: string, schema: Schema): string[] {
  if (schema.type === 'integer') return [...BAD_NUMBERS, String((schema.minimum ?? 0) - 1)];
  if (IS_TIME.test(name)) return [...BAD_TIMES, ...BAD_TEXTS];
  if (schema.enum !== undefined || schema.format === 'uuid') return ['', 'nonsense', ...BAD_TEXTS];
  return BAD_TEXTS;
}

function flawsOfBody(document: OpenAPIObject, { requestBody, parameters = [] }: Operation): Flaw[] {
  const media = requestBody?.content['application/json'];
  if (!media) return [];
  const schema = resolve(document, media.schema);
  const [example] = Object.values(media.examples ?? {});
  const whole = (example?.value ?? exampleOf(schema)) as Json;
  const good = JSON.stringify(whole);
  return [
    ...BAD_BODIES.map(([what, body, status = 400]) => ({ what, body, statuses: [status] })),
    ...BAD_MEDIA.map((type) => ({
      what: type,
      body: good,
      headers: ['Content-Type', type],
      statuses: [415],
    })),
    ...['gzip', 'br', 'deflate', 'zstd'].map((coding) => ({
      what: `packed with ${coding}`,
      body: good,
      headers: [...JSON_TYPE, 'Content-Encoding', coding],
      // Where gzip is accepted, it is not gzip.
      statuses: coding === 'gzip' ? [400, 415] : [415],
    })),
    ...(parameters.some(({ name }) => name === 'Idempotency-Key') ? BAD_KEYS : []).map((key) => ({
      what: `the key ${JSON.stringify(key.slice(0, 10))}`,
      body: good,
      headers: [...JSON_TYPE, 'Idempotency-Key', key],
      statuses: [400],
    })),
    ...[...badMembers(document, schema, whole), { what: 'an unknown member', body: { a: 1 } }].map(
      ({ what, body }) => ({
        what,
        body: JSON.stringify({ ...whole, ...body }),
        statuses: [400],
      }),
    ),
  ];
}

/** Each member of a body with values that it cannot have; those of members are made likewise. */
function badMembers(
  document: OpenAPIObject,
  { properties = {} }: Schema,
  whole: Json,
): { what: string; body: Json }[] {
  return Object.entries(properties).flatMap(([name, declared]) => {
    const schema = resolve(document, declared);
    const bad = [
      // A member without a type takes anything.
      ...(BAD_MEMBERS[schema.type ?? ''] ?? []),
      ...(IS_TIME.test(name) ? BAD_TIMES : []),
      ...(schema.enum === undefined && schema.format !== 'uuid' ? [] : ['', CANARY]),
    ];
    const inner = badMembers(document, schema, (whole[name] ?? {}) as Json);
    return [
      ...bad.map((value) => ({
        what: `${name}: ${JSON.stringify(value).slice(0, 20)}`,
        body: { [name]: value },
      })),
      ...inner.map(({ what, body }) => ({
        what: `${name}/${what}`,
        body: { [name]: { ...(whole[name] as Json | undefined), ...body } },
      })),
    ];
  });
}

function resolve({ components }: OpenAPIObject, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (components?.schemas?.[name] as Schema);
}

function exampleOf({ properties = {} }: Schema): Json {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, { example }]) =>
      example === undefined ? [] : [[name, example]],
    ),
  );
}
