import type { TestApp } from './app.js';
import { explain, type Plan, statementsOf } from './query-plans.js';
import type { Team } from './work.js';

/** What asks for the work of a role, and how Postgres finds it. */
export async function inboxPlans(mesh: TestApp, team: Team): Promise<Record<string, Plan>> {
  const worker = team.worker();
  const inbox = `/tasks?to_role=${team.role}&status=pending`;
  const { body } = await worker.get<{ next_cursor: string }>(`${inbox}&page_size=100`);
  const asks: Record<string, () => Promise<unknown>> = {
    inbox: () => worker.get(inbox),
    'next page of the inbox': () => worker.get(`${inbox}&cursor=${body.next_cursor}`),
    'inbox for a type': () => worker.get(`${inbox}&task_type=rare`),
    'inbox for an auditor': () => team.agent('auditor').get(inbox),
    wait: () => worker.get('/tasks/wait?wait_seconds=0'),
    'wait for a type': () => worker.get('/tasks/wait?wait_seconds=0&task_types=rare'),
    claim: () => worker.post('/tasks/claim', {}),
    'claim of a type': () => worker.post('/tasks/claim', { task_types: ['rare'] }),
    'claim of two types': () => worker.post('/tasks/claim', { task_types: ['rare', 'review'] }),
    'claim of nothing': () => worker.post('/tasks/claim', { task_types: ['missing'] }),
  };
  const plans: Record<string, Plan> = {};
  for (const [name, ask] of Object.entries(asks)) {
    const statements = await statementsOf(mesh, ask);
    const found = statements.find(({ text }) => text.includes('a.not_before'));
    if (!found) throw new Error(`no statement for ${name}`);
    plans[name] = await explain(mesh, found);
  }
  return plans;
}
