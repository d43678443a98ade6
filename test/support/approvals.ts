import type { ApprovalDto } from '../../src/approvals/dto/approval.dto.js';
import { newSubject, type TestApp, tokenFor } from './app.js';
import { type Answer, Client } from './client.js';
import type { Json } from './work.js';

/** An approval, or the problem that there is with it. */
export type ApprovalBody = Json<ApprovalDto> & { code: string; detail: string };

/** A task between two roles that nobody else has, and the approvals that are asked about it. */
export class Matter {
  readonly requester: Client;
  readonly router = newSubject('router');
  readonly from = newSubject('from');
  readonly to = newSubject('to');
  /** A role that decides. */
  readonly board = newSubject('board');
  task = '';

  private constructor(private readonly mesh: TestApp) {
    this.requester = this.agent(this.from, this.router);
  }

  /** Routes a task. */
  static async open(mesh: TestApp, more: Record<string, unknown> = {}): Promise<Matter> {
    const matter = new Matter(mesh);
    const routed = await matter.requester.post<{ task_id: string }>('/tasks/route', {
      target: matter.to,
      task: { task_type: 'purchase', data: { amount: 50_000 } },
      ...more,
    });
    if (routed.status !== 202) throw new Error(`not routed: ${routed.text}`);
    matter.task = routed.body.task_id;
    return matter;
  }

  /** Routes a task that needs the approval of its board to be completed. */
  static async requiring(mesh: TestApp, required: Record<string, unknown> = {}): Promise<Matter> {
    const board = newSubject('board');
    const matter = await Matter.open(mesh, { requires_approval: { role: board, ...required } });
    return Object.assign(matter, { board });
  }

  /** An agent that nobody else is, on another process if one is given. */
  agent(roles: string | readonly string[], sub = newSubject('agent'), mesh = this.mesh): Client {
    return new Client(mesh.url, tokenFor(roles, sub));
  }

  /** The same for a person, whose token says so as Entra ID does. */
  person(roles: string | readonly string[], sub = newSubject('person')): Client {
    return new Client(this.mesh.url, tokenFor(roles, sub, true));
  }

  /** Asks the board; gives the id. */
  async ask(more: Record<string, unknown> = {}, by = this.requester): Promise<string> {
    const role = more.stages === undefined ? { approver_role: this.board } : {};
    const asked = await by.post<{ approval_id: string }>('/approvals', {
      task_id: this.task,
      reason: 'Over the limit',
      ...role,
      ...more,
    });
    if (asked.status !== 202) throw new Error(`not asked: ${asked.text}`);
    return asked.body.approval_id;
  }

  decide(
    id: string,
    decision: 'approved' | 'rejected' = 'approved',
    by = this.agent(this.board),
  ): Promise<Answer<ApprovalBody>> {
    return by.post(`/approvals/${id}/decision`, { decision, comments: 'So be it' });
  }

  async get(id: string, by = this.requester): Promise<ApprovalBody> {
    return (await by.get<ApprovalBody>(`/approvals/${id}`)).body;
  }

  /** The approvals of the task, the first one first. */
  async all(): Promise<ApprovalBody[]> {
    return (await this.requester.get<{ approvals: ApprovalBody[] }>(`/tasks/${this.task}`)).body
      .approvals;
  }

  /** Claims the task; gives who did and the session. */
  async claim(worker = this.agent(this.to)): Promise<{ worker: Client; session: string }> {
    const claimed = await worker.post<{ session: { id: string } }>(`/tasks/${this.task}/claim`, {});
    if (claimed.status !== 200) throw new Error(`not claimed: ${claimed.text}`);
    return { worker, session: claimed.body.session.id };
  }

  /** What the trail tells of an approval. */
  async events(id: string): Promise<string[]> {
    const rows = await this.mesh.query<{ event_type: string }>(
      `SELECT event_type FROM audit_events WHERE approval_id = $1 ORDER BY timestamp, id`,
      [id.replace('approval-', '')],
    );
    return rows.map(({ event_type }) => event_type);
  }

  /** Lets the time to decide be over. */
  async lapse(id: string): Promise<void> {
    await this.mesh.query(
      `UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`,
      [id.replace('approval-', '')],
    );
  }
}

/** The codes of the answers that refuse, and 'ok' for the others, in order. */
export function outcomesOf(answers: readonly Answer<{ code?: unknown }>[]): string[] {
  return answers.map(({ status, body }) => (status < 300 ? 'ok' : String(body.code))).sort();
}

/** The code of an answer that refuses, else 'ok'. */
export function outcomeOf(answer: Answer<{ code?: unknown }>): string {
  return outcomesOf([answer])[0] ?? '';
}

/** The id of the only approval of a task. */
export async function onlyApprovalOf(matter: Matter): Promise<string> {
  return (await matter.all())[0]?.id ?? '';
}
