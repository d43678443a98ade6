import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { tokenFor } from './app.js';
import { type History, isSettled, type Kind, type Operation, type TryAnswer } from './history.js';
import type { Random } from './random.js';

/** Where clients send their requests, and for how long. */
export interface Field {
  /** The controllers that are said to be up; one of them may be dying. */
  urls(): readonly string[];
  /** Whether to begin something new. */
  isOpen(): boolean;
  /** Until when to go on asking for what was begun, in the milliseconds of `performance.now()`. */
  readonly patience: number;
  readonly history: History;
}

export interface Habits {
  /** How often a request is sent several times at once. */
  storms: number;
  /** How often a client stops asking when a connection breaks. */
  abandons: number;
  /** The longest pause before something new, in milliseconds. */
  pause: number;
}

interface Request {
  method: 'POST' | 'PUT';
  path: string;
  body: (key: string) => unknown;
  token: string;
}

type Body = Partial<Record<string, string>>;

const ANSWER_TIMEOUT_MS = 3_000;

/** An agent that routes, works and decides, again and again, each step under a key of its own. */
export class WorkloadClient {
  private readonly router: string;
  private readonly workers: readonly [string, string];
  private readonly approvers: readonly [string, string];

  constructor(
    name: string,
    private readonly field: Field,
    private readonly random: Random,
    private readonly habits: Habits,
  ) {
    this.router = tokenFor('finance', `router-${name}`);
    this.workers = [tokenFor('manager', `worker-${name}`), tokenFor('manager', `rival-${name}`)];
    this.approvers = [tokenFor('legal', `approver-${name}`), tokenFor('legal', `deputy-${name}`)];
  }

  async run(): Promise<void> {
    while (this.field.isOpen()) {
      await (this.random.chance(0.3) ? this.plainSession() : this.taskFromEndToEnd());
      await sleep(this.random.between(0, this.habits.pause));
    }
  }

  private async plainSession(): Promise<void> {
    const session = await this.operate('session', {
      method: 'POST',
      path: '/sessions',
      body: (key) => ({ role: 'manager', metadata: { key } }),
      token: this.workers[0],
    });
    if (session?.id !== undefined) await this.work(session.id);
  }

  private async taskFromEndToEnd(): Promise<void> {
    const task = { task_type: 'chaos', description: 'once, please' };
    const routed = await this.operate('task', {
      method: 'POST',
      path: '/tasks/route',
      body: (key) => ({ target: 'manager', task: { ...task, data: { key } } }),
      token: this.router,
    });
    const { task_id } = routed ?? {};
    if (task_id === undefined) return;
    const attempt = await this.read(`/sessions/${task_id}`, this.router);
    if (attempt?.id === undefined) return;
    await Promise.all([this.work(attempt.id), this.askAndDecide(task_id)]);
  }

  /** Two agents want the session; whoever gets it changes it and ends it. */
  private async work(session: string): Promise<void> {
    const path = `/sessions/${session}`;
    const put = (token: string, change: object): Promise<Body | undefined> =>
      this.operate('transition', { method: 'PUT', path, body: () => change, token });
    const rivals = this.random.chance(0.3) ? this.workers : [this.workers[0]];
    const claims = await Promise.all(rivals.map((token) => put(token, { status: 'active' })));
    const holder = rivals.find((_, index) => claims[index] !== undefined);
    if (holder === undefined) return;
    if (this.random.chance(0.5)) await put(holder, { metadata: { step: this.random.next() } });
    await put(holder, { status: this.random.pick(['completed', 'failed']) });
  }

  /** A role is asked; two of its agents may say different things, and one of them counts. */
  private async askAndDecide(task_id: string): Promise<void> {
    const asked = await this.operate('ask', {
      method: 'POST',
      path: '/approvals',
      body: (reason) => ({ task_id, approver_role: 'legal', reason }),
      token: this.router,
    });
    const { approval_id } = asked ?? {};
    if (approval_id === undefined) return;
    const deciders = this.random.chance(0.3) ? this.approvers : [this.approvers[0]];
    const path = `/approvals/${approval_id}/decision`;
    await Promise.all(
      deciders.map((token) => {
        const decision = this.random.pick(['approved', 'rejected']);
        const body = (comments: string): unknown => ({ decision, comments });
        return this.operate('decision', { method: 'POST', path, body, token });
      }),
    );
  }

  /** Sends a request until its outcome is known; gives what it made, or undefined when it made nothing that we know of. */
  private async operate(kind: Kind, request: Request): Promise<Body | undefined> {
    const key = this.random.chance(0.5) ? randomUUID() : `chaos-${randomUUID()}`;
    const operation = this.field.history.begin(kind, key);
    const copies = this.random.chance(this.habits.storms) ? this.random.between(2, 8) : 1;
    const senders = Array.from({ length: copies }, () =>
      this.settle(operation, request, this.random.fork()),
    );
    const answers = await Promise.all(senders);
    const success = answers.find((answer) => answer !== undefined && answer.status < 300);
    return success && (JSON.parse(success.text) as Body);
  }

  private async settle(
    operation: Operation,
    { method, path, body, token }: Request,
    random: Random,
  ): Promise<TryAnswer | undefined> {
    const { key, trace, tries } = operation;
    const init = {
      method,
      body: JSON.stringify(body(key)),
      headers: {
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
        'X-Trace-Id': trace,
        Authorization: `Bearer ${token}`,
      },
    };
    for (;;) {
      const start = performance.now();
      const answer = await send(random.pick(this.field.urls()) + path, init);
      tries.push({ start, end: performance.now(), ...(answer && { answer }) });
      if (answer && isSettled(answer)) return answer;
      if (!answer && random.chance(this.habits.abandons)) {
        operation.abandoned = true;
        return undefined;
      }
      if (performance.now() > this.field.patience) return undefined;
      await sleep(random.between(10, 100));
    }
  }

  /** Undefined when there is no such thing, which whoever was told that there is will not find either. */
  private async read(path: string, token: string): Promise<Body | undefined> {
    while (performance.now() < this.field.patience) {
      const url = this.random.pick(this.field.urls()) + path;
      const answer = await send(url, { headers: { Authorization: `Bearer ${token}` } });
      if (answer?.status === 200) return JSON.parse(answer.text) as Body;
      if (answer?.status === 404) return undefined;
      await sleep(this.random.between(10, 100));
    }
    return undefined;
  }
}

async function send(url: string, init: RequestInit): Promise<TryAnswer | undefined> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    text = await response.text();
  } catch {
    return undefined;
  }
  const { status, headers } = response;
  return {
    status,
    text,
    retryAfter: headers.has('retry-after'),
    replayed: headers.get('idempotent-replayed') === 'true',
    ...(status >= 400 && { code: (JSON.parse(text) as Body).code }),
  };
}
