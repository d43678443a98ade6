import { randomBytes, randomUUID } from 'node:crypto';
import { type Answer, Client } from '../support/client.js';
import type { Ground, System } from './systems.js';

/** A task in the course of its life. */
interface Life {
  taskId: string;
  sessionId: string;
  approvalId: string;
  digest: string;
}

/** How the tasks of a run differ from those of another. */
export interface LifeOptions {
  /** Whether writes have an idempotency key, as those of the client library have. */
  isKeyed: boolean;
  /** Length of the text in the data of the task. */
  dataBytes: number;
}

interface Agents {
  finance: Client;
  manager: Client;
  legal: Client;
}

type Send = (by: Client, method: 'post' | 'put', path: string, body: unknown) => Promise<Body>;
type Body = Record<string, unknown>;

/** The steps of a life, in their order. A heartbeat has no key: it is sent again later anyway. */
const STEPS: Record<
  string,
  (life: Life, agents: Agents, send: Send, text: string) => Promise<void>
> = {
  route: async (life, { finance }, send, text) => {
    const task = { task_type: 'budget_approval', description: 'Cost', data: { text } };
    const routed = await send(finance, 'post', '/tasks/route', { target: 'manager', task });
    life.taskId = String(routed.task_id);
  },
  claim: async (life, { manager }, send) => {
    const claimed = await send(manager, 'post', '/tasks/claim', {});
    const { task, session } = claimed as { task: { id: string }; session: { id: string } };
    life.taskId = task.id;
    life.sessionId = session.id;
  },
  heartbeat: async (life, { manager }) => {
    expectOk(await manager.post(`/sessions/${life.sessionId}/heartbeat`, {}));
  },
  'request an approval': async (life, { manager }, send) => {
    const request = { task_id: life.taskId, approver_role: 'legal', payload: { amount: 50_000 } };
    const requested = await send(manager, 'post', '/approvals', request);
    life.approvalId = String(requested.approval_id);
  },
  approve: async (life, { legal }, send) => {
    const decision = { decision: 'approved', comments: 'Within the budget' };
    const decided = await send(legal, 'post', `/approvals/${life.approvalId}/decision`, decision);
    life.digest = String(decided.digest);
  },
  consume: async (life, { manager }, send) => {
    const { digest } = life;
    await send(manager, 'post', `/approvals/${life.approvalId}/consume`, { digest });
  },
  complete: async (life, { manager }, send) => {
    const end = { status: 'completed', result: { approved: true } };
    await send(manager, 'put', `/sessions/${life.sessionId}`, end);
  },
};

export const STEP_NAMES = Object.keys(STEPS);

const CONNECTIONS = 16;

/** Tasks that go through their life side by side, step by step. */
export class Lives {
  private readonly lives: Life[];
  private readonly agents: Agents;

  constructor(
    ground: Ground,
    { url }: System,
    count: number,
    private readonly options: LifeOptions,
  ) {
    const agent = (role: string): Client => new Client(url, ground.token([role], `${role}-agent`));
    this.agents = { finance: agent('finance'), manager: agent('manager'), legal: agent('legal') };
    const life = { taskId: '', sessionId: '', approvalId: '', digest: '' };
    this.lives = Array.from({ length: count }, () => ({ ...life }));
  }

  /** Takes all tasks through one step. */
  async step(name: string): Promise<void> {
    const step = STEPS[name];
    if (!step) throw new Error(`no step ${name}`);
    const waiting = this.lives.values();
    const work = async (): Promise<void> => {
      for (const life of waiting) await step(life, this.agents, this.send, this.text());
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
  }

  private readonly send: Send = async (by, method, path, body) => {
    const headers = this.options.isKeyed ? { 'idempotency-key': randomUUID() } : undefined;
    return expectOk(await by[method](path, body, headers));
  };

  /** Text that PostgreSQL cannot compress. */
  private text(): string {
    const { dataBytes } = this.options;
    return randomBytes(dataBytes).toString('base64').slice(0, dataBytes);
  }
}

function expectOk({ status, body, text }: Answer): Body {
  if (status >= 300) throw new Error(`answered ${status}: ${text}`);
  return body;
}
