import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { AUDIT_EVENT_TYPES } from '../../../src/audit/audit-event-types.js';
import { toCloudEventType } from '../../../src/events/cloud-event.js';
import { ANNOUNCED_REASONS } from '../../../src/events/event-stream.js';
import { AsyncApi } from '../../support/async-api.js';
import { Client } from '../../support/client.js';
import { getFromHost } from '../../support/host-request.js';
import { readEvents, untilSequenced } from '../../support/events.js';
import { routeTask, useApp, useSharedApp } from '../../support/kit.js';

/** The host in the documents of `docs`. */
const DEFAULT_HOST = 'localhost:8088';
const INIT_SCRIPT = '/docs/swagger-ui-init.js';

interface Document {
  servers: unknown;
  channels: Record<string, { messages: Record<string, unknown> }>;
}

describe('docs/asyncapi.json', () => {
  const text = readFileSync('docs/asyncapi.json', 'utf8');
  const document = JSON.parse(text) as Document;
  const mesh = useSharedApp();

  it('equals GET /api-docs/asyncapi.json: else run "npm run openapi"', async () => {
    const served = await getFromHost(`${mesh.url}/api-docs/asyncapi.json`, DEFAULT_HOST);
    expect(`${JSON.stringify(JSON.parse(served), null, 2)}\n`).toBe(text);
  });

  it('is valid according to the schema of AsyncAPI 3.0.0', () => {
    const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0.json');
    const schema = JSON.parse(readFileSync(file, 'utf8')) as {
      definitions: Record<string, object>;
    };
    // Ajv has the schema of JSON Schema itself.
    const definitions = Object.fromEntries(
      Object.entries(schema.definitions).filter(([id]) => !id.startsWith('http://json-schema.org')),
    );
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.compile({ ...schema, definitions });
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...document, channels: { stream: { address: 1 } } })).toBe(false);
  });

  it('is linked from the OpenAPI document, at the host that serves it', async () => {
    const client = new Client(mesh.url);
    const { body } = await client.get('/api-docs/openapi.json');
    expect(body.externalDocs).toMatchObject({ url: `${mesh.url}/api-docs/asyncapi.json` });
    const linked = await fetch((body.externalDocs as { url: string }).url);
    expect((await linked.json()) as Document).toMatchObject({
      servers: { controller: { host: new URL(mesh.url).host, protocol: 'http' } },
    });
    for (const path of ['/api-docs/openapi.json', '/api-docs/openapi.yaml', INIT_SCRIPT]) {
      const served = await getFromHost(`${mesh.url}${path}`, 'mesh.example.com');
      expect(served).toContain('http://mesh.example.com/api-docs/asyncapi.json');
      expect(served).not.toContain(DEFAULT_HOST);
    }
  });

  it('has a message for each type of event', () => {
    const recorded = Object.keys(AUDIT_EVENT_TYPES).map(toCloudEventType);
    const { messages } = document.channels.stream ?? { messages: {} };
    expect(Object.keys(messages)).toEqual([...recorded, 'agent', 'end']);
  });

  it('describes events as the controller sends them', async () => {
    await routeTask(mesh, 'finance', 'manager');
    const report = { source: 'x', category: 'a', action: 'b.c', metadata: { n: 1 } };
    await mesh.agent('finance').post('/audit/ingest', report);
    await untilSequenced(mesh);
    const api = new AsyncApi(document);
    const events = await readEvents(mesh.agent('auditor'));
    expect(new Set(events.map(({ type }) => type))).toContain('agent.a.b.c');
    for (const event of events) {
      const name = event.type.startsWith('agent.') ? 'agent' : event.type;
      expect([event, api.problemsOf(name, event)]).toEqual([event, []]);
    }
    const [event] = events;
    expect(api.problemsOf('task.routed', { ...event, type: 'task.claimed' })).not.toEqual([]);
    expect(api.problemsOf('task.routed', { ...event, time: 'today' })).not.toEqual([]);
  });
});

describe('the AsyncAPI document of a controller with PUBLIC_URL', () => {
  const mesh = useApp({ env: { PUBLIC_URL: 'https://mesh.example.com/controller/' } });

  it('has its address', async () => {
    const client = new Client(mesh.url);
    const { body } = await client.get<Document>('/api-docs/asyncapi.json');
    const server = { host: 'mesh.example.com', protocol: 'https', pathname: '/controller' };
    expect(body.servers).toEqual({ controller: server });
    const api = await client.get('/api-docs/openapi.json');
    expect(api.body.externalDocs).toMatchObject({
      url: 'https://mesh.example.com/controller/api-docs/asyncapi.json',
    });
  });
});

describe('docs/events.md', () => {
  const page = readFileSync('docs/events.md', 'utf8');
  const rowsOf = (heading: string): string[][] => {
    const [, section = ''] = new RegExp(`\n## ${heading}\n([^]*?)(?=\n## |$)`).exec(page) ?? [];
    return [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) =>
      row.split(' | ').map((cell) => cell.trim()),
    );
  };

  it('has the table of the types of events', () => {
    const expected = Object.entries(AUDIT_EVENT_TYPES).map(([type, { when, metadata }]) => [
      `\`${toCloudEventType(type)}\``,
      when,
      Object.keys(metadata)
        .map((name) => `\`${name}\``)
        .join(', '),
    ]);
    expect(rowsOf('Types')).toEqual(expected);
  });

  it('has the reasons for which a stream ends', () => {
    const reasons = rowsOf('Receive a stream').map(([reason]) => reason);
    expect(reasons).toEqual(ANNOUNCED_REASONS.map((reason) => `\`${reason}\``));
  });
});
