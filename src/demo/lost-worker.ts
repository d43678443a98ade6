import { randomBytes } from 'node:crypto';
import type { Answer } from './answer.js';
import type { DemoAgent } from './demo-agent.js';
import { DemoError } from './demo-error.js';
import { DemoWorker, type WorkerProgram } from './demo-worker.js';
import type { Narrator } from './narrator.js';
import type { WorkOrder, WorkReport } from './work-order.js';

const CONTRACTS = 6;
/** Milliseconds to wait in addition to the lease: for the sweep, the backoff of the next attempt, and the work itself. */
const PATIENCE_MS = 60_000;

export interface LostWorkerStory {
  finance: DemoAgent;
  order: Pick<WorkOrder, 'url' | 'lease_seconds'>;
  /** Returns a token for the worker with this name. */
  tokenOf: (name: string) => string;
  program: WorkerProgram;
  narrator: Narrator;
}

/** Two workers of the role legal claim contracts to review. One is killed during a task, and the other completes that task. */
export async function playLostWorker(story: LostWorkerStory): Promise<void> {
  // A unique task type, so that demos that run at the same time do not claim each other's tasks.
  const task_type = `demo_${randomBytes(4).toString('hex')}`;
  const tasks = await routeContracts(story.finance, task_type);
  story.narrator.line();
  story.narrator.line('    worker-a and worker-b claim the tasks');
  const lost = await new Race(story, task_type).run();
  await readTimeline(story.finance, tasks.get(lost) ?? '');
}

/** Routes the contracts. Returns the task id of each. */
async function routeContracts(
  finance: DemoAgent,
  task_type: string,
): Promise<ReadonlyMap<string, string>> {
  const tasks = new Map<string, string>();
  for (let number = 1; number <= CONTRACTS; number += 1) {
    const description = `contract ${number}`;
    const routed = await finance.takes({
      does: `routes the review of ${description} to legal`,
      method: 'POST',
      path: '/tasks/route',
      body: { target: 'legal', task: { task_type, description } },
      expect: 202,
      tell: (answer) => [answer.text('task_id')],
    });
    tasks.set(description, routed.text('task_id'));
  }
  return tasks;
}

/** Runs two workers until all tasks are completed. Kills the first worker after it claims its second task. */
class Race {
  private readonly workers: DemoWorker[];
  private readonly finished = new Set<string>();
  private ready = 0;
  private claims = 0;
  private lost?: string;
  private outcome: { resolve: (lost: string) => void; reject: (error: Error) => void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };

  constructor(
    private readonly story: LostWorkerStory,
    private readonly taskType: string,
  ) {
    const listener = (worker: DemoWorker, report: WorkReport): void => {
      this.onReport(worker, report);
    };
    this.workers = ['worker-a', 'worker-b'].map(
      (name) => new DemoWorker(name, story.program, listener),
    );
  }

  /** Returns the description of the task that the killed worker had claimed. */
  async run(): Promise<string> {
    const timeout = this.story.order.lease_seconds * 1000 + PATIENCE_MS;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.outcome = { resolve, reject };
        timer = setTimeout(() => {
          reject(new DemoError('The workers did not complete the tasks in time.'));
        }, timeout);
      });
    } finally {
      clearTimeout(timer);
      await Promise.all(this.workers.map((worker) => worker.kill()));
    }
  }

  private onReport(worker: DemoWorker, { event, about, attempt }: WorkReport): void {
    if (event === 'ready') {
      this.onReady();
      return;
    }
    if (event === 'failed') this.outcome.reject(new DemoError(`${worker.name}: ${about}`));
    this.story.narrator.line(`    ${worker.name} ${event} ${about}, attempt ${attempt}`);
    if (event === 'claimed' && worker === this.workers[0]) this.killOnSecondClaim(worker, about);
    if (event === 'finished') this.onFinished(about);
  }

  /** Starts both workers at the same time, when both are ready. */
  private onReady(): void {
    this.ready += 1;
    if (this.ready < this.workers.length) return;
    for (const worker of this.workers) {
      const token = this.story.tokenOf(worker.name);
      worker.order({ ...this.story.order, token, task_type: this.taskType });
    }
  }

  private killOnSecondClaim(worker: DemoWorker, about: string): void {
    this.claims += 1;
    if (this.claims !== 2) return;
    this.lost = about;
    void worker.kill();
    const { lease_seconds } = this.story.order;
    this.story.narrator.line(
      `    ${worker.name} is killed; its lease on ${about} expires in ${lease_seconds} s`,
    );
  }

  private onFinished(about: string): void {
    this.finished.add(about);
    if (this.finished.size < CONTRACTS) return;
    if (this.lost !== undefined) this.outcome.resolve(this.lost);
    else {
      this.outcome.reject(
        new DemoError('All tasks were completed before worker-a claimed a second one.'),
      );
    }
  }
}

async function readTimeline(finance: DemoAgent, taskId: string): Promise<void> {
  await finance.takes({
    does: 'reads the timeline of the task of the killed worker',
    method: 'GET',
    path: `/tasks/${taskId}/timeline`,
    expect: 200,
    tell: (answer) => answer.list('events').map(describe),
  });
}

function describe(event: Answer): string {
  const time = event.text('at').slice('2026-01-31T'.length, -1);
  const reason = event.textIfAny('reason');
  const why = reason === undefined ? '' : ` (${reason})`;
  return `${time}  ${event.text('event')}${why} by ${event.text('actor')}`;
}
