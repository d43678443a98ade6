import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp, TEST_SECRET } from '../../support/app.js';
import { Matter, outcomesOf } from '../../support/approvals.js';
import { Client } from '../../support/client.js';
import { signedToken } from '../../support/signed-token.js';

let mesh: TestApp;
let other: TestApp;

/** A caller whose token was issued some seconds ago. */
function caller(sub: string, roles: readonly string[], ago = 0, on = mesh): Client {
  const iat = Math.floor(Date.now() / 1000) - ago;
  const claims = { iss: 'agent-mesh-dev', sub, roles, iat, exp: iat + 600, jti: newSubject('t') };
  return new Client(on.url, signedToken({ alg: 'HS256' }, claims, TEST_SECRET));
}

describe('votes of a subject that lost the role', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
    other = await startTestApp({ databaseUrl: mesh.databaseUrl });
  });

  afterAll(async () => {
    await other.close();
    await mesh.close();
  });

  async function voted(quorum = 2) {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ quorum });
    const ana = newSubject('ana');
    const first = await matter.decide(id, 'approved', caller(ana, [matter.board], 10));
    expect(first.body).toMatchObject({ status: 'pending', votes: 1 });
    return { matter, id, ana };
  }

  it.each([
    ['with no role', []],
    ['with another role', ['another']],
    ['with the role in other letters', ['BOARD']],
  ])('do not count after a newer token came %s', async (_, roles) => {
    const { matter, id, ana } = await voted();
    expect((await caller(ana, roles).get('/me')).status).toBe(200);
    expect(await matter.get(id)).toMatchObject({ status: 'pending', votes: 0 });
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 1 });
    expect((await matter.decide(id)).body).toMatchObject({ status: 'approved', votes: 2 });
    expect(await matter.get(id)).toMatchObject({ status: 'approved', votes: 2 });
  });

  it('do not count when another instance has seen the newer token', async () => {
    const { matter, id, ana } = await voted();
    expect((await caller(ana, ['another'], 0, other).get('/me')).status).toBe(200);
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 1 });
  });

  it('count while the newest token has the role', async () => {
    const { matter, id, ana } = await voted();
    expect((await caller(ana, ['another'], 60).get('/me')).status).toBe(200);
    expect((await caller(ana, ['another', matter.board]).get('/me')).status).toBe(200);
    expect((await matter.decide(id)).body).toMatchObject({ status: 'approved', votes: 2 });
  });

  it('403 with an older token that has the role', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ quorum: 1 });
    const ana = newSubject('ana');
    await caller(ana, ['another']).get('/me');
    const answer = await matter.decide(id, 'approved', caller(ana, [matter.board], 10));
    expect(outcomesOf([answer])).toEqual(['auth.role_not_held']);
    expect(await matter.get(id)).toMatchObject({ status: 'pending', votes: 0 });
  });

  it('count once after a new vote with the regained role', async () => {
    const { matter, id, ana } = await voted(3);
    await caller(ana, ['another'], 5).get('/me');
    const again = caller(ana, [matter.board]);
    expect((await matter.decide(id, 'approved', again)).body).toMatchObject({ votes: 1 });
    expect(outcomesOf([await matter.decide(id, 'approved', again)])).toEqual(['approval.voted']);
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 2 });
    await caller(ana, []).get('/me');
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 2 });
  });

  it('do not count again when the role returns', async () => {
    const { matter, id, ana } = await voted();
    await caller(ana, ['another'], 5).get('/me');
    await caller(ana, [matter.board]).get('/me');
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 1 });
  });

  it('can be a rejection after the role returns', async () => {
    const { matter, id, ana } = await voted();
    await caller(ana, [], 5).get('/me');
    const rejected = await matter.decide(id, 'rejected', caller(ana, [matter.board]));
    expect(rejected.body).toMatchObject({ status: 'rejected', votes: 0 });
  });

  it('do not change an earlier decision', async () => {
    const { matter, id, ana } = await voted();
    expect((await matter.decide(id)).body).toMatchObject({ status: 'approved', votes: 2 });
    await caller(ana, []).get('/me');
    expect(await matter.get(id)).toMatchObject({ status: 'approved', votes: 2 });
  });

  it('are pending again for the subject once the role returns', async () => {
    const { matter, id, ana } = await voted();
    const waiting = async () => {
      const client = caller(ana, [matter.board]);
      const { body } = await client.get<{ approvals: { id: string }[] }>(
        '/approvals?waiting_for=me',
      );
      return body.approvals.map((approval) => approval.id);
    };
    expect(await waiting()).toEqual([]);
    await caller(ana, []).get('/me');
    expect(await waiting()).toEqual([id.slice('approval-'.length)]);
  });

  it('do not decide when the loss and the last vote are concurrent', async () => {
    for (let round = 0; round < 5; round++) {
      const { matter, id, ana } = await voted();
      const [, decided] = await Promise.all([caller(ana, []).get('/me'), matter.decide(id)]);
      const approval = await matter.get(id);
      expect(approval.status).toBe(decided.body.status);
      expect(approval.votes).toBe(approval.status === 'approved' ? 2 : 1);
    }
  });
});
