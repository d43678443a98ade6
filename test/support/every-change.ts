import { setTimeout as sleep } from 'node:timers/promises';
import { ApprovalExpiryService } from '../../src/approvals/approval-expiry.service.js';
import { ServiceHeartbeatService } from '../../src/database/service-heartbeat.service.js';
import { AttemptTimeoutsService } from '../../src/sessions/attempt-timeouts.service.js';
import { ExpiryService } from '../../src/lifecycle/expiry.service.js';
import { newSubject, TEST_SECRET, type TestApp } from './app.js';
import { Matter } from './approvals.js';
import { REPORT } from './audit.js';
import { type Answer, Client } from './client.js';
import { eventually } from './eventually.js';
import { signedToken } from './signed-token.js';
import { finish, RETRYABLE_FAILURE, sweepDeadlines, Team } from './work.js';

const changed = new Map<string, Promise<void>>();

/** Makes each change that the API and the sweeps can make, once for each database: the log has events of each type. */
export function makeEveryChange(mesh: TestApp): Promise<void> {
  const made = changed.get(mesh.databaseUrl) ?? makeChanges(mesh);
  changed.set(mesh.databaseUrl, made);
  return made;
}

async function makeChanges(mesh: TestApp): Promise<void> {
  await changeSessions(mesh);
  await workOnTasks(mesh);
  await controlTasks(mesh);
  await endOverdue(mesh);
  await waitForApprovals(mesh);
  await decideApprovals(mesh);
  await moveApprovals(mesh);
  await endApprovals(mesh);
  await administer(mesh);
}

/** Changes columns for the time of some work, as if time had passed, and then restores them. */
async function pretend(
  mesh: TestApp,
  { table, id, set }: { table: string; id: string; set: Record<string, string> },
  work: () => Promise<unknown>,
): Promise<void> {
  const columns = Object.keys(set);
  const [before] = await mesh.query(`SELECT ${columns.join(', ')} FROM ${table} WHERE id = $1`, [
    id,
  ]);
  const assigned = Object.entries(set).map(([column, value]) => `${column} = ${value}`);
  await mesh.query(`UPDATE ${table} SET ${assigned.join(', ')} WHERE id = $1`, [id]);
  await work();
  const restored = columns.map((column, index) => `${column} = $${index + 2}`);
  await mesh.query(`UPDATE ${table} SET ${restored.join(', ')} WHERE id = $1`, [
    id,
    ...columns.map((column) => before?.[column]),
  ]);
}

const PAST = `clock_timestamp() - interval '1 second'`;

function expectOk<Body>(answer: Answer<Body>): Body {
  if (answer.status >= 300) throw new Error(`${answer.status}: ${answer.text}`);
  return answer.body;
}

/** The requester role of a task is the `from_role` of the team. */
async function changeSessions(mesh: TestApp): Promise<void> {
  const team = new Team(mesh);
  const agent = team.worker();
  const body = { role: team.role, metadata: { step: 1, text: 'ünï"\\\u2028', n: 0.1e-7 } };
  const { id } = expectOk(await agent.post<{ id: string }>('/sessions', body));
  expectOk(await agent.put(`/sessions/${id}`, { metadata: { b: [1, 2], a: { z: null, y: 0.1 } } }));
  const task_id = await team.route();
  expectOk(await agent.put(`/sessions/${id}`, { task_id: `task-${task_id}` }));
  expectOk(await finish(agent, id, { status: 'active' }));
  expectOk(await finish(agent, id, { status: 'completed', result: { sum: 12.5 } }));
  const adopted = { role: team.role, task_id: `task-${task_id}`, metadata: { adopted: true } };
  const attempt = expectOk(await agent.post<{ id: string }>('/sessions', adopted));
  expectOk(await finish(agent, attempt.id, { status: 'active' }));
  expectOk(await finish(agent, attempt.id, { status: 'failed', error: 'broken' }));
  const overdue = expectOk(await agent.post<{ id: string }>('/sessions', body));
  const set = { created_at: `now() - interval '400 days'` };
  await pretend(mesh, { table: 'sessions', id: overdue.id, set }, () =>
    mesh.app.get(ExpiryService).sweep(),
  );
}

async function workOnTasks(mesh: TestApp): Promise<void> {
  const team = new Team(mesh);
  const worker = team.worker();
  const parent = await team.route({
    ...{ priority: 'high', max_attempts: 5, max_run_seconds: 600, context: { b: 1, a: 2 } },
    deadline_at: new Date(Date.now() + 3_600_000).toISOString(),
  });
  const first = await team.claim(worker);
  expectOk(await worker.post(`/sessions/${first.session.id}/heartbeat`, {}));
  expectOk(await finish(worker, first.session.id, { metadata: { half: true } }));
  await new Team(mesh).route({ parent_task_id: `task-${parent}` }, {}, worker);
  expectOk(await finish(worker, first.session.id, RETRYABLE_FAILURE));
  // Due after the backoff; the next attempts are of tasks of their own.
  await team.route({}, { description: 'x', data: { amount: 50_000, vendor: 'ACME' } });
  const second = await team.claim(worker);
  const completed = { status: 'completed', result: { ok: true }, metadata: { last: 1 } };
  expectOk(await finish(worker, second.session.id, completed));
  await team.route({}, { task_type: 'notification', data: { priority: 'low' } });
  await team.claim(worker);
  await team.route({ max_attempts: 1 });
  const last = await team.claim(worker);
  expectOk(await finish(worker, last.session.id, RETRYABLE_FAILURE));
  await team.route();
  await team.loseLease(worker);
  await team.route({ not_before: new Date(Date.now() + 60_000).toISOString() });
  for (const release of [
    { reason: 'not mine' },
    { undelivered: true },
    { not_before: new Date(Date.now() + 60_000).toISOString() },
  ]) {
    await new Team(mesh).route();
    await team.route();
    const { session } = await team.claim(worker);
    expectOk(await worker.post(`/sessions/${session.id}/release`, release));
  }
}

async function controlTasks(mesh: TestApp): Promise<void> {
  const team = new Team(mesh);
  const id = await team.route();
  const cancel = { reason: 'The budget was cut' };
  expectOk(await team.requester.post(`/tasks/${id}/cancel`, cancel));
  expectOk(await team.requester.post(`/tasks/${id}/retry`, { reason: 'Found some' }));
  const worker = team.worker();
  await team.claim(worker);
  const subtask = { parent_task_id: `task-${id}` };
  await new Team(mesh).route(subtask, {}, worker);
  expectOk(await team.requester.post(`/tasks/${id}/cancel`, { cascade: true }));
  const other = new Team(mesh);
  await other.route();
  expectOk(await other.requester.post('/tasks/cancel', { to_role: other.role, dry_run: false }));
  expectOk(await other.requester.post('/tasks/retry', { to_role: other.role, dry_run: false }));
}

async function endOverdue(mesh: TestApp): Promise<void> {
  const team = new Team(mesh);
  const worker = team.worker();
  const deadline_at = new Date(Date.now() + 900).toISOString();
  await team.route({ deadline_at });
  await team.claim(worker);
  await team.route({ deadline_at });
  await team.route({ max_run_seconds: 60 });
  const { session } = await team.claim(worker, {});
  await pretend(mesh, { table: 'sessions', id: session.id, set: { run_until: PAST } }, () =>
    mesh.app.get(AttemptTimeoutsService).sweepRunLimits(),
  );
  await sleep(Date.parse(deadline_at) - Date.now() + 20);
  await sweepDeadlines(mesh);
}

/** Releases attempts until an approval ends: that of the last stage, a withdrawal, and one that is long decided. */
async function waitForApprovals(mesh: TestApp): Promise<void> {
  const matter = await Matter.open(mesh);
  const [one, two] = [newSubject('one'), newSubject('two')];
  const { worker, session } = await matter.claim();
  const id = await matter.ask({ stages: [one, two] });
  const park = { until_approval: id };
  expectOk(await worker.post(`/sessions/${session}/release`, park));
  expectOk(await matter.decide(id, 'approved', matter.agent(one)));
  const next = (await matter.all()).find(({ stage }) => stage === 2)?.id ?? '';
  expectOk(await matter.decide(next, 'approved', matter.agent(two)));
  const again = await matter.claim();
  expectOk(await again.worker.post(`/sessions/${again.session}/release`, park));
}

async function decideApprovals(mesh: TestApp): Promise<void> {
  const required = await Matter.requiring(mesh, { quorum: 2 });
  const [pending] = await required.all();
  for (const sub of [newSubject('ann'), newSubject('bob')])
    expectOk(
      await required.decide(pending?.id ?? '', 'approved', required.person(required.board, sub)),
    );
  const { worker, session } = await required.claim();
  expectOk(await finish(worker, session));

  const matter = await Matter.open(mesh);
  const payload = { amount: 50_000, vendor: 'ACME' };
  const id = await matter.ask({ payload, reason: 'Over the limit' });
  const decided = expectOk(await matter.decide(id));
  const holder = (await matter.claim()).worker;
  expectOk(await holder.post(`/approvals/${id}/consume`, { digest: decided.digest ?? '' }));

  expectOk(await matter.decide(await matter.ask({ payload, repeat: true, reason: 'Again' })));

  const rejected = await matter.ask({ quorum: 2 });
  const changed = matter.agent(matter.board);
  expectOk(await matter.decide(rejected, 'approved', changed));
  expectOk(await matter.decide(rejected, 'rejected', changed));
  expectOk(await matter.requester.post(`/approvals/${rejected}/resubmit`, { reason: 'Again' }));

  for (const quorum of [2, 3]) {
    const renewed = await Matter.open(mesh);
    const votes = await renewed.ask({ quorum, payload });
    const ana = newSubject('ana');
    const at = (ago: number, roles: readonly string[]) => tokenOf(mesh, ana, roles, ago);
    expectOk(await renewed.decide(votes, 'approved', at(10, [renewed.board])));
    expectOk(await at(5, ['another']).get('/me'));
    expectOk(await renewed.decide(votes));
    expectOk(await renewed.decide(votes, 'approved', at(0, [renewed.board])));
  }

  const unasked = await Matter.open(mesh);
  const body = { task_id: unasked.task, decision: 'approved', comments: 'Fine', reason: 'Mine' };
  expectOk(await unasked.agent(unasked.to).post('/approvals', body));
}

async function moveApprovals(mesh: TestApp): Promise<void> {
  const matter = await Matter.open(mesh);
  const [legal, cfo] = [newSubject('legal'), newSubject('cfo')];
  const id = await matter.ask({ quorum: 2 });
  const board = matter.agent(matter.board);
  const path = `/approvals/${id}`;
  expectOk(await board.post(`${path}/delegate`, { role: legal, reason: 'On leave' }));
  expectOk(await board.post(`${path}/recall`, { reason: 'Back again' }));
  expectOk(await matter.decide(id, 'approved', board));
  const admin = matter.agent('admin');
  expectOk(await admin.post(`${path}/reassign`, { role: cfo, reason: 'Nobody is left' }));
  expectOk(await matter.decide(id, 'rejected', matter.agent(cfo)));
}

async function endApprovals(mesh: TestApp): Promise<void> {
  const matter = await Matter.open(mesh);
  const withdrawn = await matter.ask();
  expectOk(await matter.requester.post(`/approvals/${withdrawn}/withdraw`, { reason: 'Wrong' }));
  const expired = await matter.ask();
  const row = { table: 'approvals', id: expired.replace('approval-', '') };
  await pretend(mesh, { ...row, set: { expires_at: PAST } }, () =>
    mesh.app.get(ApprovalExpiryService).sweep(),
  );
  const extended = await matter.ask();
  await matter.lapse(extended);
  await afterOutage(mesh);
  // Withdraws the approval.
  const { worker, session } = await matter.claim();
  expectOk(await finish(worker, session));
}

/** Extends approvals that expired during the last hour, as after an outage. */
async function afterOutage(mesh: TestApp): Promise<void> {
  const heartbeat = mesh.app.get(ServiceHeartbeatService);
  await heartbeat.beat();
  await mesh.query(
    `UPDATE service_heartbeat SET grace_until = NULL, beat_at = clock_timestamp() - interval '1 hour'`,
  );
  await heartbeat.beat();
}

async function administer(mesh: TestApp): Promise<void> {
  const admin = mesh.agent('admin');
  const role = newSubject('role');
  expectOk(await admin.post(`/roles/${role}/pause`, { reason: 'Maintenance' }));
  expectOk(await admin.post(`/roles/${role}/resume`, {}));
  const hook = { url: 'http://127.0.0.1:9/hook', types: ['*'], description: 'Alerts' };
  const { id } = expectOk(await admin.post<{ id: string }>('/webhooks', hook));
  expectOk(await admin.call('PATCH', `/webhooks/${id}`, { body: { description: 'More alerts' } }));
  expectOk(await admin.post(`/webhooks/${id}/rotate`, {}));
  expectOk(await admin.post(`/webhooks/${id}/test`, {}));
  expectOk(await admin.post(`/webhooks/${id}/replay`, { after: '0' }));
  const position = async () => {
    const [failed] = await mesh.query<{ position: string }>(
      `SELECT position FROM webhook_deliveries WHERE webhook_id = $1 LIMIT 1`,
      [id],
    );
    return failed?.position;
  };
  const failed = await eventually(position, (found) => found !== undefined);
  expectOk(await admin.post(`/webhooks/${id}/deliveries/${failed ?? ''}/redeliver`));
  await mesh.query(
    `UPDATE webhooks SET failures = 500, failing_since = now() - interval '6 days' WHERE id = $1`,
    [id],
  );
  // 409 if the delivery of the replay has failed since.
  await admin.post(`/webhooks/${id}/test`, {});
  const status = async () => (await admin.get<{ status: string }>(`/webhooks/${id}`)).body.status;
  await eventually(status, (now) => now === 'disabled_failing');
  expectOk(await admin.call('DELETE', `/webhooks/${id}`));
  await mesh.agent(role).post(`/roles/${role}/pause`, { reason: 'Not allowed' });
  expectOk(await mesh.agent(role).post('/audit/ingest', { ...REPORT, metadata: { k: 1 } }));
}

/** A caller whose token was issued some seconds ago. */
function tokenOf(mesh: TestApp, sub: string, roles: readonly string[], ago: number): Client {
  const iat = Math.floor(Date.now() / 1000) - ago;
  const claims = { iss: 'agent-mesh-dev', sub, roles, iat, exp: iat + 600, jti: newSubject('t') };
  return new Client(mesh.url, signedToken({ alg: 'HS256' }, claims, TEST_SECRET));
}
