import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { operationsOf, type PathOperation } from '../../../src/openapi/operations.js';
import { startTestApp, tokenFor } from '../../support/app.js';
import { newSigningKey, sealing, untilSigned } from '../../support/audit-log.js';
import { Client } from '../../support/client.js';
import { useApp } from '../../support/kit.js';

interface Try {
  name: string;
  path: string;
  init: RequestInit & { headers: Record<string, string> };
  /** The role of the token. */
  role: string;
  /** Whether the path or the body contains the id of a resource that the caller has to replace. */
  hasId: boolean;
}

const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenAPIObject;

/** The token of `npm run token -- finance`, and that of an operation which requires another role. */
const ROLES = [
  [/Requires the role `admin`/, 'admin'],
  [/Requires the role `auditor` or `admin`/, 'auditor'],
] as const;
const ID = /(task|approval|session)-[0-9a-f]{8}-/;

/** The requests of an operation, as Swagger UI fills them in: one for each example of the body. */
function triesOf({ method, path, operation }: PathOperation): Try[] {
  const { parameters = [], requestBody, description = '', operationId = '' } = operation;
  const role = ROLES.find(([pattern]) => pattern.test(description))?.[1] ?? 'finance';
  const headers: Record<string, string> = {};
  let url = path;
  const query = new URLSearchParams();
  for (const parameter of parameters) {
    if ('$ref' in parameter || !parameter.schema || '$ref' in parameter.schema) continue;
    const { name, in: place, schema } = parameter;
    const value: unknown = schema.example ?? schema.default;
    if (value === undefined) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(text));
    if (place === 'header') headers[name] = text;
    // A default, which Swagger UI sends too. It is no use to wait here.
    if (place === 'query') query.set(name, name === 'wait_seconds' ? '0' : text);
  }
  const target = query.size > 0 ? `${url}?${query.toString()}` : url;
  const init = { method: method.toUpperCase(), headers };
  const request = { path: target, role, hasId: url !== path };
  if (!requestBody || !('content' in requestBody)) return [{ ...request, name: operationId, init }];
  const { examples = {} } = requestBody.content['application/json'] ?? {};
  return Object.entries(examples).map(([example, shown]) => {
    const body = JSON.stringify('value' in shown ? shown.value : {});
    return {
      ...request,
      name: `${operationId} ${example}`,
      hasId: request.hasId || ID.test(body),
      init: { ...init, headers: { ...headers, 'Content-Type': 'application/json' }, body },
    };
  });
}

describe('Swagger UI', () => {
  const mesh = useApp({ env: sealing(newSigningKey()) });

  beforeAll(async () => {
    await new Client(mesh.url, tokenFor('finance')).post('/tasks/route', {
      target: 'manager',
      task: { task_type: 'x' },
    });
    await untilSigned(mesh);
  });

  it.each(operationsOf(document).flatMap(triesOf))(
    '$name: succeeds as it is, or finds no resource with the id of the example',
    async ({ path, init, role, hasId }) => {
      const stop = new AbortController();
      const headers = { ...init.headers, Authorization: `Bearer ${tokenFor(role)}` };
      const request = { ...init, headers, signal: stop.signal };
      const response = await fetch(`${mesh.url}${path}`, request);
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
      const text = isStream === true && init.method === 'GET' ? '' : await response.text();
      stop.abort();
      const isRight = response.ok || (hasId && response.status === 404);
      expect({ isRight, status: response.status, text }).toMatchObject({ isRight: true });
    },
  );

  it('has an example for each body', () => {
    const bodies = operationsOf(document).filter(({ operation }) => operation.requestBody);
    const empty = bodies.filter((operation) => triesOf(operation).length === 0);
    expect(empty.map(({ path }) => path)).toEqual([]);
  });

  it('accepts both media types of MCP', async () => {
    const page = await fetch(`${mesh.url}/docs/swagger-ui-init.js`);
    expect(await page.text()).toContain('application/json, text/event-stream');
  });

  it('is the page of / in development only', async () => {
    const development = await startTestApp({ env: { NODE_ENV: 'development' } });
    const pages = [
      await fetch(`${development.url}/`, { redirect: 'manual' }),
      await fetch(`${development.url}/`, { method: 'POST', redirect: 'manual' }),
      await fetch(`${mesh.url}/`, { redirect: 'manual' }),
    ];
    await development.close();
    expect(pages.map(({ status }) => status)).toEqual([302, 404, 404]);
    expect(pages[0]?.headers.get('location')).toBe('/docs');
  });
});
