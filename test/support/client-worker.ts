import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, Worker } from '../../packages/client/src/index.js';
import type { WorkerProcessOptions } from './worker-process.js';

/**
 * The process of one worker, which kills itself at a step. It requests an approval of the data of a task, pays by a
 * subtask, and returns a receipt.
 */
const options = JSON.parse(process.argv[2] ?? '') as WorkerProcessOptions;
const { baseUrl, token, role, approverRole, cashierRole } = options;

/** Ends the process without a clean shutdown, at the chosen step or at a random one. */
async function reach(step: string): Promise<void> {
  const { killAt, killChance = 0 } = options;
  if (step !== killAt && Math.random() >= killChance) return;
  process.kill(process.pid, 'SIGKILL');
  await sleep(60_000);
}

/** Names the steps before and after the requests of a worker. */
const STEPS: readonly { request: RegExp; before?: string; after?: string }[] = [
  { request: /^POST \/tasks\/claim$/, after: 'claimed' },
  { request: /^POST \/approvals$/, before: 'asking', after: 'asked' },
  { request: /^POST \/approvals\/[^/]+\/consume$/, before: 'decided', after: 'consumed' },
  { request: /^POST \/tasks\/route$/, before: 'acting', after: 'acted' },
  { request: /^PUT \/sessions\/[^/]+$/, before: 'completing', after: 'completed' },
];

const client = createClient({
  baseUrl,
  token,
  fetch: async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const request = `${init?.method ?? 'GET'} ${pathname}`;
    const step = STEPS.find((one) => one.request.test(request));
    if (step?.before !== undefined) await reach(step.before);
    const response = await fetch(input, init);
    if (step?.after !== undefined && response.ok && response.status !== 204)
      await reach(step.after);
    return response;
  },
});

const worker = new Worker(client, {
  role,
  concurrency: options.concurrency ?? 1,
  leaseSeconds: options.leaseSeconds,
  identity: options.identity,
  onEvent: (event) => process.send?.(event),
}).on('payment', async ({ data }, ctx) => {
  await ctx.requestApproval(data, { approverRole });
  const { task_id } = await ctx.routeSubtask('pay', {
    target: cashierRole,
    task: { task_type: 'transfer', data },
  });
  return { receipt: task_id };
});
// Ends with the test that started it.
process.once('disconnect', () => process.exit(1));
await worker.start();
process.exit(0);
