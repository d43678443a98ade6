import { describe, expect, it } from '@jest/globals';
import { AgentCard, verifyAgentCardSignature } from '@a2a-js/sdk';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { A2aAgent, BINDINGS, message } from '../../support/a2a.js';
import { Client } from '../../support/client.js';
import { useApp } from '../../support/kit.js';

const CARD = '/a2a/finance%20team/.well-known/agent-card.json';
const KEYS = '/a2a/finance%20team/.well-known/jwks.json';
const PUBLIC_URL = 'https://mesh.example.com/base';

const CARDS = {
  'finance team': {
    name: 'Finance',
    description: 'Approves budgets.',
    skills: [
      { id: 'budget_approval', description: 'Approves a budget.', tags: ['budget'] },
      { id: 'audit_answer', name: 'Audit', description: 'Answers auditors.', extended: true },
    ],
  },
};

function cardsFile(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'cards-')), 'cards.json');
  writeFileSync(file, JSON.stringify(CARDS));
  return file;
}

interface Card {
  name: string;
  url?: string;
  supportedInterfaces: { url: string }[];
  skills: { id: string; name: string; tags: string[] }[];
  capabilities: Record<string, unknown>;
  securitySchemes: Record<string, unknown>;
  securityRequirements: unknown[];
  signatures?: { protected: string; signature: string }[];
}

describe('An agent card', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const mesh = useApp(() => ({
    env: {
      A2A_ROLES: 'finance team,legal',
      A2A_CARDS_FILE: cardsFile(),
      PUBLIC_URL,
      AUDIT_SIGNING_KEY: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    },
  }));
  const open = (): Client => new Client(mesh.url);

  it('requires no token and describes the role, its interfaces and its skills', async () => {
    const { status, body } = await open().get<Card>(CARD);

    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'Finance',
      description: 'Approves budgets.',
      version: expect.any(String),
      supportedInterfaces: [
        {
          url: `${PUBLIC_URL}/a2a/finance%20team`,
          protocolBinding: 'JSONRPC',
          protocolVersion: '1.0',
        },
        {
          url: `${PUBLIC_URL}/a2a/finance%20team/v1`,
          protocolBinding: 'HTTP+JSON',
          protocolVersion: '1.0',
        },
      ],
      capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true },
      skills: [{ id: 'budget_approval', name: 'budget_approval', tags: ['budget'] }],
    });
    expect(body.skills).toHaveLength(1);
    expect(Object.keys(body.securitySchemes)).toContain('bearer');
    expect(body.securityRequirements).toHaveLength(Object.keys(body.securitySchemes).length);
  });

  it('is signed in its canonical form with a key of the key set', async () => {
    const { body } = await open().get<Card>(CARD);
    const keySet = await open().get<{ keys: { kid: string }[] }>(KEYS);
    const seen: (string | undefined)[] = [];
    const verify = verifyAgentCardSignature((kid, jku) => {
      seen.push(jku);
      const key = keySet.body.keys.find((one) => one.kid === kid);
      if (!key) throw new Error('unknown key');
      return Promise.resolve(key);
    });

    await expect(verify(AgentCard.fromJSON(body))).resolves.toBeUndefined();
    expect(seen).toEqual([`${PUBLIC_URL}${KEYS}`]);
    await expect(verify(AgentCard.fromJSON({ ...body, name: 'Other' }))).rejects.toThrow();
    const [signature] = body.signatures ?? [];
    const header: unknown = JSON.parse(
      Buffer.from(signature?.protected ?? '', 'base64url').toString(),
    );
    expect(header).toEqual({
      alg: 'EdDSA',
      typ: 'JOSE',
      kid: keySet.body.keys[0]?.kid,
      jku: `${PUBLIC_URL}${KEYS}`,
    });
  });

  it('is cacheable and is not sent again to a client that has it', async () => {
    const { headers } = await open().get(CARD);
    const etag = headers.get('etag') ?? '';

    expect(headers.get('cache-control')).toMatch(/max-age=300/);
    expect(etag).not.toBe('');
    const again = await open().get(CARD, { headers: { 'if-none-match': etag } });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('is the one of the host for the first role', async () => {
    const { body } = await open().get<Card>('/.well-known/agent-card.json');

    expect(body.name).toBe('Finance');
  });

  it('has a default text and a default skill', async () => {
    const { body } = await open().get<Card>('/a2a/legal/.well-known/agent-card.json');

    expect(body).toMatchObject({ name: 'legal', skills: [{ id: 'a2a_message' }] });
  });

  it('has all skills with a token, and is signed too', async () => {
    for (const binding of ['jsonrpc', 'rest'] as const) {
      const agent = new A2aAgent(mesh.url, 'finance%20team', binding, 'hr');
      const { result } = await agent.call('GetExtendedAgentCard', {});
      const card = result as unknown as Card;
      expect(card.skills.map(({ id, name }) => [id, name])).toEqual([
        ['budget_approval', 'budget_approval'],
        ['audit_answer', 'Audit'],
      ]);
      expect(card.signatures).toHaveLength(1);
    }
  });

  it('exists only for the roles of A2A_ROLES', async () => {
    for (const path of ['/a2a/hr/.well-known/agent-card.json', '/a2a/hr/.well-known/jwks.json']) {
      expect((await open().get(path)).status).toBe(404);
    }
    const { status } = await mesh.agent('hr').post('/a2a/hr', {}, { 'a2a-version': '1.0' });
    expect(status).toBe(404);
  });
});

describe('An agent card without PUBLIC_URL', () => {
  const mesh = useApp({ env: { A2A_ROLES: 'legal', WEBHOOK_SECRET_KEY: '' } });

  it('has the URL of the request, and no signature that would vouch for it', async () => {
    const { body } = await new Client(mesh.url).get<Card>('/a2a/legal/.well-known/agent-card.json');

    expect(body.supportedInterfaces[0]?.url).toBe(`${mesh.url}/a2a/legal`);
    expect(body.signatures ?? []).toEqual([]);
  });

  it.each(BINDINGS)(
    'has no push notifications without WEBHOOK_SECRET_KEY, over %s',
    async (binding) => {
      const path = '/a2a/legal/.well-known/agent-card.json';
      const { body } = await new Client(mesh.url).get<Card>(path);
      expect(body.capabilities).toMatchObject({ pushNotifications: false });

      const agent = new A2aAgent(mesh.url, 'legal', binding, 'finance');
      const { id: taskId } = await agent.send('Work');
      const url = 'https://example.com/';
      const answers = await Promise.all([
        agent.call('CreateTaskPushNotificationConfig', { taskId, url }),
        agent.call('GetTaskPushNotificationConfig', { taskId, id: 'x' }),
        agent.call('ListTaskPushNotificationConfigs', { taskId }),
        agent.call('DeleteTaskPushNotificationConfig', { taskId, id: 'x' }),
        agent.call('SendMessage', {
          message: message('x'),
          configuration: { taskPushNotificationConfig: { url } },
        }),
      ]);
      const code = binding === 'jsonrpc' ? -32003 : 400;
      for (const { error } of answers) {
        expect(error).toMatchObject({ code, reason: 'PUSH_NOTIFICATION_NOT_SUPPORTED' });
      }
    },
  );
});
