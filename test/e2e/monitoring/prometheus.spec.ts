import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readDashboardQueries, readRules, seriesOf } from '../../support/alert-rules.js';
import { noteVerifier } from '../../../packages/verify/src/note.js';
import { AnchorServer } from '../../support/anchors.js';
import { tokenFor } from '../../support/app.js';
import {
  newSigningKey,
  ORIGIN,
  publicKeyOf,
  sealing,
  untilSigned,
} from '../../support/audit-log.js';
import { eventually } from '../../support/eventually.js';
import { makeEveryChange } from '../../support/every-change.js';
import { useApp } from '../../support/kit.js';
import { Prometheus, promtool } from '../../support/prometheus.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';
import { WitnessServer } from '../../support/witness-server.js';

/** Variables of Grafana in a query. */
function withoutVariables(query: string): string {
  return query.replaceAll('$__rate_interval', '1m');
}

const QUERIES = [
  ...readRules().map(({ alert, record, expr }) => ({ title: alert ?? record ?? '', expr })),
  ...readDashboardQueries(),
];

describe('The rules of Prometheus', () => {
  it('are valid', async () => {
    await expect(promtool('check', 'rules', 'rules.yml')).resolves.toContain('SUCCESS');
  });

  it('fire in faulty systems, and not in a sound one', async () => {
    await expect(promtool('test', 'rules', 'rules.test.yml')).resolves.toContain('SUCCESS');
  });

  it('are part of a configuration that is valid', async () => {
    await expect(promtool('check', 'config', '--syntax-only', 'prometheus.yml')).resolves.toContain(
      'SUCCESS',
    );
  });
});

describe('A Prometheus', () => {
  const key = newSigningKey();
  let anchor: AnchorServer;
  let witness: WitnessServer;
  let endpoint: WebhookReceiver;
  let prometheus: Prometheus;

  beforeAll(async () => {
    [anchor, endpoint, witness] = await Promise.all([
      AnchorServer.start(),
      WebhookReceiver.start(),
      WitnessServer.start('w1.example.org/w', [noteVerifier(ORIGIN, publicKeyOf(key))]),
    ]);
  });

  const mesh = useApp(() => ({
    env: sealing(key, {
      AUDIT_LOG_ORIGIN: ORIGIN,
      AUDIT_WITNESSES: witness.setting,
      AUDIT_ANCHOR_SECONDS: '1',
      AUDIT_ANCHORS: `http://${anchor.address}/heads`,
      AUDIT_VERIFY_TILES_PER_MINUTE: '600',
    }),
  }));

  beforeAll(async () => {
    const created = await mesh
      .agent('admin')
      .post('/webhooks', { url: endpoint.url, types: ['*'] });
    expect(created.status).toBe(201);
    await makeEveryChange(mesh);
    const paused = await mesh.agent('admin').post('/roles/idle/pause', { reason: 'no agents' });
    expect(paused.status).toBe(200);
    await callTool();
    await mesh.agent('finance').get('/me');
    await untilSigned(mesh);
    prometheus = await Prometheus.start(mesh.url, tokenFor('auditor', 'prometheus'));
  });

  afterAll(async () => {
    await prometheus.stop();
    await Promise.all([anchor.close(), endpoint.close(), witness.close()]);
  });

  /** A tool call by plain HTTP, without a session. */
  async function callTool(): Promise<void> {
    const response = await fetch(`${mesh.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokenFor('finance')}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'whoami', arguments: {} },
      }),
    });
    expect(response.status).toBe(200);
    await response.text();
  }

  it('scrapes a controller with the example configuration and a token file', async () => {
    const targets = await eventually(
      () => prometheus.targets(),
      (found) => found.length > 0 && found.every(({ health }) => health === 'up'),
    );
    expect(targets).toMatchObject([{ health: 'up', lastError: '', labels: { job: 'agent-mesh' } }]);
  });

  it('evaluates each rule without an error', async () => {
    const rules = await eventually(
      () => prometheus.rules(),
      (found) => found.every(({ health }) => health !== 'unknown'),
    );
    expect(rules.length).toBe(readRules().length);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  it('evaluates each query of the dashboard', async () => {
    for (const { expr } of readDashboardQueries()) await prometheus.query(withoutVariables(expr));
  });

  it('finds each series that rules and dashboard use', async () => {
    const names = new Set(QUERIES.flatMap(({ expr }) => seriesOf(expr)));
    names.delete('up');
    expect(names.size).toBeGreaterThan(50);
    const missing = async (): Promise<string[]> => {
      const { text } = await mesh.agent('auditor').get('/metrics');
      const series = new Set([...text.matchAll(/^([a-z_]+)[{ ]/gm)].map(([, name]) => name));
      return [...names].filter((name) => !series.has(name));
    };
    expect(await eventually(missing, ({ length }) => length === 0)).toEqual([]);
  });
});
