import { hash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { leafText } from '../../../packages/verify/src/leaf.js';
import { decodeEntries, hashesRoot, splitHashes } from '../../../packages/verify/src/tiles.js';
import { isConsistent, isIncluded, leafHash } from '../../../packages/verify/src/tree.js';
import {
  listRows,
  newSigningKey,
  openCheckpoint,
  ORIGIN,
  publicKeyOf,
  sealing,
  untilSealed,
  untilSigned,
} from '../../support/audit-log.js';
import { Client } from '../../support/client.js';
import { expectProblem, routeTask, times, useApp } from '../../support/kit.js';

interface Proof {
  seq: number;
  leaf: string;
  open: string[];
  proof: string[];
  checkpoint: string;
}

const decode = (hashes: readonly string[]): Buffer[] =>
  hashes.map((text) => Buffer.from(text, 'base64'));

describe('The routes of the sealed log', () => {
  const key = newSigningKey();
  const mesh = useApp({ env: sealing(key, { AUDIT_LOG_ORIGIN: ORIGIN }) });
  let first: string;

  beforeAll(async () => {
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    first = (await mesh.agent('auditor').get('/audit/log/checkpoint')).text;
    await Promise.all(times(280, () => routeTask(mesh, 'finance', 'manager')));
    await untilSigned(mesh);
  });

  const checkpoint = async () => {
    const answer = await mesh.agent('legal').get('/audit/log/checkpoint');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    return openCheckpoint(answer.text, key);
  };

  const bytes = async (path: string): Promise<Buffer> => {
    const response = await mesh.agent('auditor').open(`/audit/log/tile/${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('cache-control')).toContain('immutable');
    return Buffer.from(await response.arrayBuffer());
  };

  it('serve the newest head, with the configured origin', async () => {
    const head = await checkpoint();
    expect(head.origin).toBe(ORIGIN);
    expect(head.size).toBe((await listRows(mesh)).length);
  });

  it('prove that the log extends an earlier head', async () => {
    const from = openCheckpoint(first, key);
    const to = await checkpoint();
    const answer = await mesh
      .agent('legal')
      .get<{ proof: string[]; checkpoint: string }>(`/audit/log/consistency?from=${from.size}`);
    expect(answer.status).toBe(200);
    expect(openCheckpoint(answer.body.checkpoint, key)).toEqual(to);
    const proof = decode(answer.body.proof);
    const sizes = { from: from.size, fromRoot: from.root, to: to.size, toRoot: to.root };
    expect(isConsistent({ ...sizes, proof })).toBe(true);
    expect(isConsistent({ ...sizes, fromRoot: to.root, proof })).toBe(false);
  });

  it('list which events are sealed, and the first head that covers each', async () => {
    const { size } = await checkpoint();
    const { size: covered } = openCheckpoint(first, key);
    const rows = await listRows(mesh);
    const ids = [rows[0], rows.at(-1)].map((row) => row?.id);
    const missing = '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c';
    const read = (role: string) =>
      mesh.agent(role).get(`/audit/log/seals?event_ids=${[...ids, missing].join()}`);
    const signed_at = expect.stringMatching(/^\d{4}-.*Z$/);
    const newest = { state: 'sealing', size, head: { size, signed_at } };
    const answer = await read('finance');
    expect(answer.body).toEqual({
      ...newest,
      seals: [
        { event_id: ids[0], seq: 0, head: { size: expect.any(Number), signed_at } },
        { event_id: ids[1], seq: size - 1, head: { size, signed_at } },
      ],
    });
    const [{ head } = { head: { size: 0 } }] = answer.body.seals as { head: { size: number } }[];
    expect(head.size).toBeLessThanOrEqual(covered);
    // Of events that it may not read, a caller receives nothing.
    expect((await read('stranger')).body).toEqual({ ...newest, seals: [] });
    expect((await mesh.agent('stranger').get('/audit/log/seals')).body.seals).toEqual([]);
  });

  it.each(['x', '', 'x,', times(101, () => '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c').join()])(
    'refuse the ids %s',
    async (ids) => {
      const answer = await mesh.agent('auditor').get(`/audit/log/seals?event_ids=${ids}`);
      expectProblem(answer, 400, 'request.invalid');
    },
  );

  it('serve tiles and entries that add up to the head', async () => {
    const { size } = await checkpoint();
    expect(size).toBeGreaterThan(256);
    const leaves = (await listRows(mesh)).map(leafText);
    const full = await bytes('0/000');
    expect(splitHashes(full)).toEqual(leaves.slice(0, 256).map(leafHash));
    expect(await bytes('1/000.p/1')).toEqual(hashesRoot(full));
    const rest = `001.p/${size - 256}`;
    expect(splitHashes(await bytes(`0/${rest}`))).toEqual(leaves.slice(256).map(leafHash));
    const entries = [
      ...decodeEntries(await bytes('entries/000')),
      ...decodeEntries(await bytes(`entries/${rest}`)),
    ];
    expect(entries.map(String)).toEqual(leaves);
  });

  it('prove that an event is sealed, to callers that may read it', async () => {
    const finance = mesh.agent('finance');
    const { body } = await finance.get<{ events: { id: string }[] }>('/audit/events?page_size=5');
    for (const { id } of body.events) {
      const answer = await finance.get<Proof>(`/audit/events/${id}/proof`);
      expect(answer.status).toBe(200);
      const { seq, leaf, open, proof, checkpoint: note } = answer.body;
      const { size, root } = openCheckpoint(note, key);
      expect(JSON.parse(leaf)).toMatchObject({ id, v: 1 });
      const inclusion = { index: seq, size, root, hash: leafHash(leaf) };
      expect(isIncluded({ ...inclusion, proof: decode(proof) })).toBe(true);
      const digests = open.map((disclosure) => hash('sha256', disclosure, 'base64url'));
      expect(Object.values((JSON.parse(leaf) as { sd: object }).sd).sort()).toEqual(digests.sort());
      expectProblem(
        await mesh.agent('legal').get(`/audit/events/${id}/proof`),
        404,
        'audit.entry_not_found',
      );
    }
  });

  it('serve a proof in the form of C2SP tlog-proof', async () => {
    const auditor = mesh.agent('auditor');
    const { body } = await auditor.get<{ events: { id: string }[] }>('/audit/events?page_size=1');
    const path = `/audit/events/${body.events[0]?.id ?? ''}/proof`;
    const json = (await auditor.get<Proof>(path)).body;
    const answer = await auditor.get(path, { headers: { accept: 'text/plain' } });
    expect(answer.text).toBe(
      `c2sp.org/tlog-proof@v1\nindex ${json.seq}\n${json.proof.join('\n')}\n\n${json.checkpoint}`,
    );
  });

  it('list the key without a token', async () => {
    const answer = await new Client(mesh.url).get('/audit/log/keys');
    const x = publicKeyOf(key).toString('base64url');
    expect(answer.body).toMatchObject({
      origin: ORIGIN,
      keys: [
        {
          vkey: expect.stringMatching(/^mesh\.example\.com\/audit\/log\+[0-9a-f]{8}\+/),
          jwk: { kty: 'OKP', crv: 'Ed25519', x },
          from_size: 0,
          until_size: null,
          revoked: false,
        },
      ],
    });
  });

  it('refuse what is not there', async () => {
    const auditor = mesh.agent('auditor');
    const { size } = await checkpoint();
    const paths = [
      [`/audit/log/tile/0/001.p/${size - 255}`, 404, 'audit.size_unknown'],
      ['/audit/log/tile/0/002', 404, 'audit.size_unknown'],
      ['/audit/log/tile/3/000', 404, 'audit.size_unknown'],
      ['/audit/log/tile/entries/007', 404, 'audit.size_unknown'],
      ['/audit/log/tile/0/7', 400, 'request.invalid'],
      ['/audit/log/tile/0/000.p/256', 400, 'request.invalid'],
      ['/audit/log/tile/64/000', 400, 'request.invalid'],
      ['/audit/log/tile/entries/x', 400, 'request.invalid'],
      [`/audit/log/consistency?from=${size + 1}`, 404, 'audit.size_unknown'],
      [`/audit/log/consistency?from=0&to=${size + 1}`, 404, 'audit.size_unknown'],
      ['/audit/log/consistency?from=9&to=8', 404, 'audit.size_unknown'],
      ['/audit/log/consistency', 400, 'request.invalid'],
      ['/audit/events/7/proof', 400, 'request.invalid'],
    ] as const;
    for (const [path, status, code] of paths) expectProblem(await auditor.get(path), status, code);
    expectProblem(
      await mesh.agent('legal').get('/audit/log/tile/entries/000'),
      403,
      'auth.forbidden',
    );
    expectProblem(
      await new Client(mesh.url).get('/audit/log/checkpoint'),
      401,
      'auth.token_missing',
    );
  });

  it('show the state in /health', async () => {
    expect((await new Client(mesh.url).get('/health')).body).toMatchObject({
      audit_log: 'sealing',
    });
  });
});

describe('A log without signed heads', () => {
  const mesh = useApp({ env: { AUDIT_LOG_PUBLIC: 'true', AUDIT_SEAL_INTERVAL_MS: '100' } });

  it('is sealed, and served to everyone', async () => {
    await routeTask(mesh, 'finance', 'manager');
    await untilSealed(mesh);
    const anyone = new Client(mesh.url);
    expect((await anyone.get('/health')).body).toMatchObject({ audit_log: 'unsigned' });
    expectProblem(await anyone.get('/audit/log/checkpoint'), 503, 'audit.unsigned');
    expectProblem(await anyone.get('/audit/log/consistency?from=0'), 503, 'audit.unsigned');
    expectProblem(await anyone.get('/audit/log/tile/entries/000'), 401, 'auth.token_missing');
    const { body } = await mesh
      .agent('auditor')
      .get<{ events: { id: string }[] }>('/audit/events?page_size=1');
    const proof = await mesh
      .agent('auditor')
      .get(`/audit/events/${body.events[0]?.id ?? ''}/proof`);
    expectProblem(proof, 409, 'audit.not_sealed');
    expect(proof.headers.get('retry-after')).toBe('1');
  });
});

describe('An instance that does not seal', () => {
  const mesh = useApp({ env: { AUDIT_SEAL: 'false' } });

  it('shows it, and has no log', async () => {
    await routeTask(mesh, 'finance', 'manager');
    expect((await new Client(mesh.url).get('/health')).body).toMatchObject({ audit_log: 'off' });
    expectProblem(await mesh.agent('legal').get('/audit/log/checkpoint'), 404, 'audit.seal_off');
    expectProblem(await mesh.agent('legal').get('/audit/log/keys'), 404, 'audit.seal_off');
  });
});
