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

describe('a voter who lost the role', () => {
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
  ])('does not count once a newer token came %s', async (_, roles) => {
    const { matter, id, ana } = await voted();
    expect((await caller(ana, roles).get('/me')).status).toBe(200);
    expect(await matter.get(id)).toMatchObject({ status: 'pending', votes: 0 });
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 1 });
    expect((await matter.decide(id)).body).toMatchObject({ status: 'approved', votes: 2 });
    expect(await matter.get(id)).toMatchObject({ status: 'approved', votes: 2 });
  });

  it('does not count wherever the newer token was seen', async () => {
    const { matter, id, ana } = await voted();
    expect((await caller(ana, ['another'], 0, other).get('/me')).status).toBe(200);
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 1 });
  });

  it('counts while its newest token carries the role', async () => {
    const { matter, id, ana } = await voted();
    expect((await caller(ana, ['another'], 60).get('/me')).status).toBe(200);
    expect((await caller(ana, ['another', matter.board]).get('/me')).status).toBe(200);
    expect((await matter.decide(id)).body).toMatchObject({ status: 'approved', votes: 2 });
  });

  it('may not vote with an older token that still carries it', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ quorum: 1 });
    const ana = newSubject('ana');
    await caller(ana, ['another']).get('/me');
    const answer = await matter.decide(id, 'approved', caller(ana, [matter.board], 10));
    expect(outcomesOf([answer])).toEqual(['auth.role_not_held']);
    expect(await matter.get(id)).toMatchObject({ status: 'pending', votes: 0 });
  });

  it('may vote again after it regained the role, and counts once', async () => {
    const { matter, id, ana } = await voted(3);
    await caller(ana, ['another'], 5).get('/me');
    const again = caller(ana, [matter.board]);
    expect((await matter.decide(id, 'approved', again)).body).toMatchObject({ votes: 1 });
    expect(outcomesOf([await matter.decide(id, 'approved', again)])).toEqual(['approval.voted']);
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 2 });
    await caller(ana, []).get('/me');
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 2 });
  });

  it('does not count by the mere return of the role', async () => {
    const { matter, id, ana } = await voted();
    await caller(ana, ['another'], 5).get('/me');
    await caller(ana, [matter.board]).get('/me');
    expect((await matter.decide(id)).body).toMatchObject({ status: 'pending', votes: 1 });
  });

  it('may reject after it regained the role', async () => {
    const { matter, id, ana } = await voted();
    await caller(ana, [], 5).get('/me');
    const rejected = await matter.decide(id, 'rejected', caller(ana, [matter.board]));
    expect(rejected.body).toMatchObject({ status: 'rejected', votes: 0 });
  });

  it('changes nothing about what was decided before', async () => {
    const { matter, id, ana } = await voted();
    expect((await matter.decide(id)).body).toMatchObject({ status: 'approved', votes: 2 });
    await caller(ana, []).get('/me');
    expect(await matter.get(id)).toMatchObject({ status: 'approved', votes: 2 });
  });

  it('sees what waits for it again once it has the role again', async () => {
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

  it('does not decide when its loss and the last vote come at once', async () => {
    for (let round = 0; round < 5; round++) {
      const { matter, id, ana } = await voted();
      const [, decided] = await Promise.all([caller(ana, []).get('/me'), matter.decide(id)]);
      const approval = await matter.get(id);
      expect(approval.status).toBe(decided.body.status);
      expect(approval.votes).toBe(approval.status === 'approved' ? 2 : 1);
    }
  });
});
