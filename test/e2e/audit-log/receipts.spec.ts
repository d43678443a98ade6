import { describe, expect, it } from '@jest/globals';
import { exitCode } from '../../../packages/verify/src/findings.js';
import { noteVerifier, parseVerifierKey } from '../../../packages/verify/src/note.js';
import { logsPolicy } from '../../../packages/verify/src/policy.js';
import { type ReceiptReport, verifyReceipt } from '../../../packages/verify/src/verify-receipt.js';
import type { Json } from '../../../packages/verify/src/json.js';
import { Matter } from '../../support/approvals.js';
import {
  newSigningKey,
  ORIGIN,
  publicKeyOf,
  sealing,
  untilSigned,
} from '../../support/audit-log.js';
import { tokenFor } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { expectProblem, useApp } from '../../support/kit.js';
import { McpAgents } from '../../support/mcp.js';

const PAYLOAD = { amount: 50_000, vendor: 'ACME' };

describe('The receipt of an approval', () => {
  const key = newSigningKey();
  const mesh = useApp({
    env: sealing(key, { AUDIT_LOG_ORIGIN: ORIGIN, HUMAN_CLAIMS: 'idtyp=user' }),
  });
  const policy = logsPolicy([parseVerifierKey(noteVerifier(ORIGIN, publicKeyOf(key)).vkey)]);

  const receipt = async (
    client: Client,
    id: string,
    query = '?wait_seconds=20',
  ): Promise<Buffer> => {
    const answer = await client.open(`/approvals/${id}/receipt${query}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/vnd.agent-mesh.receipt+json');
    return Buffer.from(await answer.arrayBuffer());
  };
  const verify = (bytes: Buffer, payload?: Json): ReceiptReport =>
    verifyReceipt(bytes, { policy, ...(payload !== undefined && { payload }) });

  /** An approval in two stages: two of the board, then a person of legal. */
  async function approve(): Promise<{ matter: Matter; id: string; legal: string; first: string }> {
    const matter = await Matter.open(mesh);
    const legal = `${matter.board}-legal`;
    const first = await matter.ask({ stages: [matter.board, legal], quorum: 2, payload: PAYLOAD });
    for (const member of [matter.agent(matter.board), matter.person(matter.board)]) {
      expect(
        (await member.post(`/approvals/${first}/decision`, { decision: 'approved' })).status,
      ).toBe(200);
    }
    const next = await mesh.query<{ id: string }>(
      `SELECT id FROM approvals WHERE chain_id = $1 AND stage = 2`,
      [first.replace('approval-', '')],
    );
    const id = `approval-${next[0]?.id ?? ''}`;
    for (const member of [matter.person(legal), matter.person(legal)]) {
      const comments = 'fine with me';
      const decided = await member.post(`/approvals/${id}/decision`, {
        decision: 'approved',
        comments,
      });
      expect(decided.status).toBe(200);
    }
    return { matter, id, legal, first };
  }

  it('verifies offline, with all stages, votes and kinds', async () => {
    const { matter, id, legal, first } = await approve();
    const report = verify(await receipt(matter.requester, id), PAYLOAD);

    expect(report.findings).toEqual([]);
    expect(report.statement).toMatchObject({
      iss: ORIGIN,
      sub: id,
      approval: {
        approval_id: id.replace('approval-', ''),
        chain_id: first.replace('approval-', ''),
        stage: 2,
        stages: [matter.board, legal],
        requested_role: matter.from,
        quorum: 2,
        four_eyes: true,
        decision: 'approved',
        votes: [
          { kind: 'human', role: legal },
          { kind: 'human', role: legal },
        ],
        consumed: null,
        earlier: [{ votes: [{ kind: 'agent' }, { kind: 'human' }] }],
      },
    });
    expect(verify(await receipt(matter.requester, first)).findings).toEqual([]);
    expect(exitCode(verify(await receipt(matter.requester, id), { amount: 1 }).findings)).toBe(4);
  });

  it('agrees with the approval of the API', async () => {
    const { matter, id } = await approve();
    const { statement } = verify(await receipt(matter.requester, id));
    const { body } = await matter.requester.get(`/approvals/${id}`);

    expect(statement?.approval).toMatchObject({
      approval_id: body.id,
      task_id: body.task_id,
      requested_by: body.requested_by,
      requested_at: body.created_at,
      expires_at: body.expires_at,
      decided_at: body.decision_at,
      consume_until: body.consume_until,
      approver_role: body.approver_role,
      approver_kind: body.approver_kind,
      digest: { value: body.digest },
    });
  });

  it('shows the consumption when it is made afterwards', async () => {
    const { matter, id } = await approve();
    const { body } = await matter.requester.get<{ digest: string }>(`/approvals/${id}`);
    const consumed = await matter.requester.post<{ consumed_at: string; consumed_by: string }>(
      `/approvals/${id}/consume`,
      { digest: body.digest },
    );
    expect(consumed.status).toBe(200);

    expect(verify(await receipt(matter.requester, id)).statement?.approval).toMatchObject({
      consumed: { by: consumed.body.consumed_by, at: consumed.body.consumed_at },
    });
  });

  it('shows a delegation, a rejection, and a decision that was not requested', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask();
    const delegate = `${matter.board}-deputy`;
    await matter
      .agent(matter.board)
      .post(`/approvals/${id}/delegate`, { role: delegate, reason: 'away' });
    const rejected = { decision: 'rejected', comments: 'too much' };
    await matter.agent(delegate).post(`/approvals/${id}/decision`, rejected);
    const own = await matter
      .agent(matter.to)
      .post<{ approval_id: string }>('/approvals', { task_id: matter.task, decision: 'approved' });

    const moved = verify(await receipt(matter.requester, id));
    expect(moved.findings).toEqual([]);
    expect(moved.statement?.approval).toMatchObject({
      approver_role: delegate,
      delegated_from: matter.board,
      decision: 'rejected',
    });
    const unrequested = verify(await receipt(matter.requester, own.body.approval_id));
    expect(unrequested.findings).toEqual([]);
    expect(unrequested.statement?.approval).toMatchObject({
      requested_by: null,
      decision: 'approved',
    });
  });

  it('discloses subjects, everything or neither', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ payload: PAYLOAD });
    const move = { role: `${matter.board}-deputy`, reason: 'fine with me' };
    await matter.agent(matter.board).post(`/approvals/${id}/delegate`, move);
    await matter.agent(move.role).post(`/approvals/${id}/decision`, { decision: 'approved' });
    const disclosed = async (disclose: string): Promise<string> => {
      const bytes = await receipt(matter.requester, id, `?wait_seconds=20&disclose=${disclose}`);
      expect(verify(bytes, PAYLOAD).findings).toEqual([]);
      return bytes
        .toString()
        .split('"')
        .map((text) => Buffer.from(text, 'base64url').toString())
        .join();
    };

    const [actors, all, none] = [
      await disclosed('actors'),
      await disclosed('all'),
      await disclosed('none'),
    ];
    expect(actors).toContain(matter.router);
    expect(actors).not.toContain('fine with me');
    expect(all).toContain('fine with me');
    expect(none).not.toContain(matter.router);
    expectProblem(
      await matter.requester.get(`/approvals/${id}/receipt?disclose=some`),
      400,
      'request.invalid',
    );
    expectProblem(
      await matter.requester.get(`/approvals/${id}/receipt?wait_seconds=21`),
      400,
      'request.invalid',
    );
  });

  it('is there for readers of the approval only, and for decisions only', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask();
    const path = `/approvals/${id}/receipt`;

    expectProblem(await matter.requester.get(path), 409, 'receipt.undecided');
    expectProblem(await matter.agent('stranger').get(path), 404, 'approval.not_found');
    await matter.requester.post(`/approvals/${id}/withdraw`, {});
    expectProblem(await matter.requester.get(path), 409, 'receipt.undecided');
  });

  it('is counted by its outcome', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask();
    await matter.requester.get(`/approvals/${id}/receipt`);
    await matter.decide(id);
    await receipt(matter.requester, id);

    const { text } = await mesh.agent('admin').get('/metrics');
    expect(text).toMatch(/mesh_receipts_total\{outcome="ok"\} [1-9]/);
    expect(text).toMatch(/mesh_receipts_total\{outcome="receipt.undecided"\} [1-9]/);
  });

  it('does not exist if the events are of a version that did not record the facts', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask();
    await matter.decide(id);
    await mesh.query(
      `ALTER TABLE audit_events DISABLE TRIGGER USER;
       UPDATE audit_events SET metadata = metadata - 'quorum' - 'chain_id' - 'digest'
        WHERE approval_id = '${id.replace('approval-', '')}';
       ALTER TABLE audit_events ENABLE TRIGGER USER`,
    );
    const answer = await matter.requester.get<{ code: string }>(
      `/approvals/${id}/receipt?wait_seconds=20`,
    );

    expectProblem(answer, 409, 'receipt.unavailable');
  });

  it('is what the MCP tool get_receipt returns', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ payload: PAYLOAD });
    await matter.decide(id);
    const agents = new McpAgents('http', mesh.url);
    const agent = await agents.agent(tokenFor(matter.from, matter.router));
    const content = await agent.does('get_receipt', { approval_id: id });
    const refused = await agent.call('get_receipt', { approval_id: await matter.ask() });
    await agent.close();
    await agents.close();

    const report = verify(Buffer.from(JSON.stringify(content.receipt)), PAYLOAD);
    expect(report.findings).toEqual([]);
    expect(report.statement).toMatchObject({ sub: id });
    expect(refused).toMatchObject({ isError: true, code: 'receipt.undecided' });
  });

  it('is made by many requests at the same time', async () => {
    const { matter, id } = await approve();
    const receipts = await Promise.all(
      Array.from({ length: 8 }, () => receipt(matter.requester, id)),
    );

    expect(receipts.flatMap((bytes) => verify(bytes, PAYLOAD).findings)).toEqual([]);
  });
});

describe('The receipt of a decision that is not sealed', () => {
  const mesh = useApp({
    env: { AUDIT_SIGNING_KEY: newSigningKey(), AUDIT_SEAL_INTERVAL_MS: '10000' },
  });

  it('is 409 with Retry-After, also after a wait', async () => {
    const matter = await Matter.open(mesh);
    await untilSigned(mesh);
    const id = await matter.ask();
    await matter.agent(matter.board).post(`/approvals/${id}/decision`, { decision: 'approved' });
    const answer = await matter.requester.get(`/approvals/${id}/receipt?wait_seconds=1`);

    expectProblem(answer, 409, 'receipt.not_sealed');
    expect(answer.headers.get('retry-after')).toBe('1');
  });
});

describe('The receipt of an instance without a key', () => {
  const mesh = useApp({ env: { AUDIT_SEAL: 'false' } });

  it('does not exist', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask();
    await matter.agent(matter.board).post(`/approvals/${id}/decision`, { decision: 'approved' });

    expectProblem(await matter.requester.get(`/approvals/${id}/receipt`), 404, 'audit.seal_off');
  });
});
