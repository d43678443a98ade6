import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { tokenFor } from './app.js';
import {
  type History,
  isSettled,
  type Kind,
  type Operation,
  type TryAnswer,
  violation,
} from './history.js';
import { patient } from './patience.js';
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

/** What of an answer the next step needs. */
interface Told {
  id?: string;
  task_id?: string;
  approval_id?: string;
  session?: { id?: string };
}

const post = (path: string, body: Request['body']) => ({ method: 'POST', path, body }) as const;

const ANSWER_TIMEOUT_MS = 3_000;

/** Agents that route, work, steer and decide, again and again, each step under a key of its own. */
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
      ...post('/sessions', (key) => ({ role: 'manager', metadata: { key } })),
      token: this.workers[0],
    });
    if (session?.id !== undefined) await this.workOnSession(session.id, false);
  }

  private async taskFromEndToEnd(): Promise<void> {
    const task = { task_type: 'chaos', description: 'once, please' };
    const route = (key: string): unknown => ({
      target: 'manager',
      task: { ...task, data: { key } },
    });
    const routed = await this.operate('task', {
      ...post('/tasks/route', route),
      token: this.router,
    });
    const { task_id } = routed ?? {};
    if (task_id === undefined) return;
    const steps = [this.workOn(task_id), this.askAndDecide(task_id)];
    if (this.random.chance(0.15)) steps.push(this.steer('cancel', task_id));
    await Promise.all(steps);
    // Everything before is settled, so that nothing of it can happen to what is opened now.
    if (!this.random.chance(0.3)) return;
    await this.steer('retry', task_id);
    await this.workOn(task_id);
  }

  private async steer(step: 'cancel' | 'retry', task_id: string): Promise<void> {
    const path = `/tasks/${task_id}/${step}`;
    await this.operate(step, { ...post(path, (reason) => ({ reason })), token: this.router });
  }

  /** As agents of today do, who claim tasks, or as those before them did, who activate sessions; or one is lost. */
  private async workOn(task_id: string): Promise<void> {
    if (this.random.chance(0.1)) {
      await this.loseAndTakeOver(task_id);
    } else if (this.random.chance(0.3)) {
      const attempt = await this.read(`/sessions/${task_id}`, this.router);
      if (attempt?.id !== undefined) await this.workOnSession(attempt.id);
    } else {
      const claims = await this.compete((token) => this.claim(task_id, token));
      if (claims) await this.finish(claims.session, claims.token);
    }
  }

  /** Two agents want the session; whoever gets it changes it and ends it. */
  private async workOnSession(session: string, carriesTask = true): Promise<void> {
    const won = await this.compete(async (token) => {
      const held = await this.change(session, { status: 'active' }, token, 'activation');
      return held && session;
    });
    if (won) await this.finish(won.session, won.token, carriesTask);
  }

  /** The session that one of the workers got, if any did. */
  private async compete(
    take: (token: string) => Promise<string | undefined>,
  ): Promise<{ session: string; token: string } | undefined> {
    const rivals = this.random.chance(0.3) ? this.workers : [this.workers[0]];
    const taken = await Promise.all(rivals.map(take));
    return rivals.flatMap((token, index) => {
      const session = taken[index];
      return session === undefined ? [] : [{ session, token }];
    })[0];
  }

  /** One worker does not hear of its lease; the other one takes over, and the first one comes back too late. */
  private async loseAndTakeOver(task_id: string): Promise<void> {
    const [worker, rival] = this.workers;
    const lost = await this.claim(task_id, worker, 1);
    for (let asked = 0; asked < 8; asked += 1) {
      await sleep(500);
      const session = await this.claim(task_id, rival, 300);
      if (session === undefined) continue;
      await Promise.all([
        this.finish(session, rival),
        lost === undefined ? undefined : this.change(lost, { status: 'completed' }, worker),
      ]);
      return;
    }
  }

  /** A short lease is asked for once: a second copy could be told something else when the lease is over. */
  private async claim(task_id: string, token: string, lease?: number): Promise<string | undefined> {
    const body = (): unknown => (lease === undefined ? {} : { lease_seconds: lease });
    const request = { ...post(`/tasks/${task_id}/claim`, body), token };
    const claimed = await this.operate('claim', request, lease === undefined ? undefined : 1);
    return claimed?.session?.id;
  }

  private async finish(session: string, token: string, carriesTask = true): Promise<void> {
    if (this.random.chance(0.4))
      await this.change(session, { metadata: { step: this.random.next() } }, token);
    if (carriesTask && this.random.chance(0.3)) await this.heartbeat(session, token);
    if (carriesTask && this.random.chance(0.2)) {
      const path = `/sessions/${session}/release`;
      await this.operate('release', { ...post(path, (reason) => ({ reason })), token });
    } else {
      const status = this.random.pick(['completed', 'completed', 'failed']);
      await this.change(session, { status }, token);
    }
  }

  private async heartbeat(session: string, token: string): Promise<void> {
    const url = `${this.random.pick(this.field.urls())}/sessions/${session}/heartbeat`;
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await send(url, { method: 'POST', headers });
    if (answer && answer.status >= 500 && answer.status !== 503)
      this.field.history.faults.push(violation('no 5xx but 503', 'heartbeat', answer.text));
  }

  private change(
    session: string,
    change: object,
    token: string,
    kind: Kind = 'transition',
  ): Promise<Told | undefined> {
    const request = { method: 'PUT', path: `/sessions/${session}`, body: () => change } as const;
    return this.operate(kind, { ...request, token });
  }

  /** A role is asked; two of its agents may say different things, or it is taken back, and one of that counts. */
  private async askAndDecide(task_id: string): Promise<void> {
    const ask = (reason: string): unknown => ({ task_id, approver_role: 'legal', reason });
    const asked = await this.operate('ask', { ...post('/approvals', ask), token: this.router });
    const { approval_id } = asked ?? {};
    if (approval_id === undefined) return;
    const deciders = this.random.chance(0.3) ? this.approvers : [this.approvers[0]];
    const steps = deciders.map((token) => {
      const decision = this.random.pick(['approved', 'rejected']);
      const decide = (comments: string): unknown => ({ decision, comments });
      const path = `/approvals/${approval_id}/decision`;
      return this.operate('decision', { ...post(path, decide), token });
    });
    if (this.random.chance(0.2)) {
      const path = `/approvals/${approval_id}/withdraw`;
      const request = { ...post(path, (reason) => ({ reason })), token: this.router };
      steps.push(this.operate('withdraw', request));
    }
    await Promise.all(steps);
  }

  /** Sends a request until its outcome is known; gives what it made, or undefined when it made nothing that we know of. */
  private async operate(kind: Kind, request: Request, most = 8): Promise<Told | undefined> {
    const key = this.random.chance(0.5) ? randomUUID() : `chaos-${randomUUID()}`;
    if (performance.now() > this.field.patience) return undefined;
    const operation = this.field.history.begin(kind, key);
    const storms = most > 1 && this.random.chance(this.habits.storms);
    const copies = storms ? this.random.between(2, most) : 1;
    const senders = Array.from({ length: copies }, () =>
      this.settle(operation, request, this.random.fork()),
    );
    const answers = await Promise.all(senders);
    const success = answers.find((answer) => answer !== undefined && answer.status < 300);
    return success && (JSON.parse(success.text) as Told);
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
  private async read(path: string, token: string): Promise<Told | undefined> {
    while (performance.now() < this.field.patience) {
      const url = this.random.pick(this.field.urls()) + path;
      const answer = await send(url, { headers: { Authorization: `Bearer ${token}` } });
      if (answer?.status === 200) return JSON.parse(answer.text) as Told;
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
    response = await fetch(url, {
      ...init,
      signal: AbortSignal.timeout(patient(ANSWER_TIMEOUT_MS)),
    });
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
    ...(status >= 400 && { code: (JSON.parse(text) as { code?: string }).code }),
  };
}
