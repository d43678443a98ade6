import { randomBytes } from 'node:crypto';
import type { Answer } from './answer.js';
import type { DemoAgent } from './demo-agent.js';
import { DemoError } from './demo-error.js';
import { DemoWorker, type WorkerProgram } from './demo-worker.js';
import type { Narrator } from './narrator.js';
import type { WorkOrder, WorkReport } from './work-order.js';

const CONTRACTS = 6;
/** Beside the lease: for the sweep, the pause before the next attempt, and the work itself. */
const PATIENCE_MS = 60_000;

export interface LostWorkerStory {
  finance: DemoAgent;
  order: Pick<WorkOrder, 'url' | 'lease_seconds'>;
  /** A token for the worker of that name. */
  tokenOf: (name: string) => string;
  program: WorkerProgram;
  narrator: Narrator;
}

/** Two workers of the legal role race for contracts to review; one is killed at work, and the other finishes its task. */
export async function playLostWorker(story: LostWorkerStory): Promise<void> {
  // A type of its own, so that neither takes the work of the other when the demo is not alone.
  const task_type = `demo_${randomBytes(4).toString('hex')}`;
  const tasks = await routeContracts(story.finance, task_type);
  story.narrator.line();
  story.narrator.line('    worker-a and worker-b race for them');
  const lost = await new Race(story, task_type).run();
  await readTimeline(story.finance, tasks.get(lost) ?? '');
}

/** Routes the contracts; gives the task of each. */
async function routeContracts(
  finance: DemoAgent,
  task_type: string,
): Promise<ReadonlyMap<string, string>> {
  const tasks = new Map<string, string>();
  for (let number = 1; number <= CONTRACTS; number += 1) {
    const description = `contract ${number}`;
    const routed = await finance.takes({
      does: `asks legal to review ${description}`,
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

/** Lets two workers work until all is finished, of whom the first is killed when it has claimed its second task. */
class Race {
  private readonly workers: DemoWorker[];
  private readonly finished = new Set<string>();
  private ready = 0;
  private claims = 0;
  private lost?: string;
  private settle: { resolve: (lost: string) => void; reject: (error: Error) => void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };

  constructor(
    private readonly story: LostWorkerStory,
    private readonly taskType: string,
  ) {
    const listener = (worker: DemoWorker, report: WorkReport): void => {
      this.hear(worker, report);
    };
    this.workers = ['worker-a', 'worker-b'].map(
      (name) => new DemoWorker(name, story.program, listener),
    );
  }

  /** Gives what the worker that was killed had claimed. */
  async run(): Promise<string> {
    const patience = this.story.order.lease_seconds * 1000 + PATIENCE_MS;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.settle = { resolve, reject };
        timer = setTimeout(() => {
          reject(new DemoError('The tasks were not finished in time.'));
        }, patience);
      });
    } finally {
      clearTimeout(timer);
      await Promise.all(this.workers.map((worker) => worker.kill()));
    }
  }

  private hear(worker: DemoWorker, { event, about, attempt }: WorkReport): void {
    if (event === 'ready') {
      this.begin();
      return;
    }
    if (event === 'failed') this.settle.reject(new DemoError(`${worker.name}: ${about}`));
    this.story.narrator.line(`    ${worker.name} ${event} ${about}, attempt ${attempt}`);
    if (event === 'claimed' && worker === this.workers[0]) this.mayKill(worker, about);
    if (event === 'finished') this.count(about);
  }

  /** Both set out at the same time. */
  private begin(): void {
    this.ready += 1;
    if (this.ready < this.workers.length) return;
    for (const worker of this.workers) {
      const token = this.story.tokenOf(worker.name);
      worker.order({ ...this.story.order, token, task_type: this.taskType });
    }
  }

  private mayKill(worker: DemoWorker, about: string): void {
    this.claims += 1;
    if (this.claims !== 2) return;
    this.lost = about;
    void worker.kill();
    const { lease_seconds } = this.story.order;
    this.story.narrator.line(
      `    ${worker.name} is killed; ${about} is its own for ${lease_seconds} s more`,
    );
  }

  private count(about: string): void {
    this.finished.add(about);
    if (this.finished.size < CONTRACTS) return;
    if (this.lost !== undefined) this.settle.resolve(this.lost);
    else this.settle.reject(new DemoError('All was finished before worker-a could be killed.'));
  }
}

async function readTimeline(finance: DemoAgent, taskId: string): Promise<void> {
  await finance.takes({
    does: 'reads what happened to the task of the lost worker',
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
