import { digestOf } from '../digest.js';
import { MeshError } from '../errors.js';
import type { RequestOptions } from '../http.js';
import { List } from '../pages.js';
import type {
  Approval,
  ApprovalAck,
  DecideApprovalBody,
  ApprovalFilter,
  ApprovalPage,
  DelegateApprovalBody,
  ReassignApprovalBody,
  RecallApprovalBody,
  ReceiptOptions,
  RequestApprovalBody,
  ResubmitApprovalBody,
  WithdrawApprovalBody,
} from '../types.js';
import { ApprovalRefusedError, longPoll, type WaitOptions } from '../waiting.js';
import { Resource, segment } from './resource.js';

/** The content whose digest is compared with that of the approved payload, or the digest itself. */
export type Consumption =
  | {
      /** The content that is about to be used. */
      readonly payload: unknown;
    }
  | {
      /** Its digest ({@link digestOf}). */
      readonly digest: string;
    };

/** Approvals: decisions of other roles about a payload. */
export class Approvals extends Resource {
  /** Requests an approval of a payload, for a task. */
  request(request: RequestApprovalBody, options?: RequestOptions): Promise<ApprovalAck> {
    return this.write('/approvals', { ...request, decision: 'pending' }, options);
  }

  /** Returns an approval with its payload. */
  get(id: string, options?: RequestOptions): Promise<Approval> {
    return this.read(`/approvals/${segment(id)}`, options);
  }

  /** Lists the approvals that the caller can read, newest first. */
  list(filter: ApprovalFilter = {}, options: RequestOptions = {}): List<Approval, ApprovalPage> {
    return new List(this.http, '/approvals', { ...filter }, ({ approvals }) => approvals, options);
  }

  /** Decides, with the vote of the caller. */
  decide(id: string, decision: DecideApprovalBody, options?: RequestOptions): Promise<Approval> {
    return this.step(id, 'decision', decision, options);
  }

  /** Approves, with the vote of the caller. */
  approve(id: string, comments?: string, options?: RequestOptions): Promise<Approval> {
    const decision = { decision: 'approved', ...(comments !== undefined && { comments }) } as const;
    return this.decide(id, decision, options);
  }

  /** Rejects. The requester receives the comment. */
  reject(id: string, comments: string, options?: RequestOptions): Promise<Approval> {
    return this.decide(id, { decision: 'rejected', comments }, options);
  }

  /** Withdraws a pending approval that the caller requested. */
  withdraw(
    id: string,
    withdraw: WithdrawApprovalBody = {},
    options?: RequestOptions,
  ): Promise<Approval> {
    return this.step(id, 'withdraw', withdraw, options);
  }

  /** Gives the decision to another role, before the first vote. */
  delegate(id: string, to: DelegateApprovalBody, options?: RequestOptions): Promise<Approval> {
    return this.step(id, 'delegate', to, options);
  }

  /** Returns a delegated decision to the role that delegated it, before the first vote. */
  recall(id: string, recall: RecallApprovalBody = {}, options?: RequestOptions): Promise<Approval> {
    return this.step(id, 'recall', recall, options);
  }

  /** Replaces the role that decides. Requires the role `admin`. */
  reassign(id: string, to: ReassignApprovalBody, options?: RequestOptions): Promise<Approval> {
    return this.step(id, 'reassign', to, options);
  }

  /** Requests another decision after a rejection, a withdrawal or an expiry. Returns the new approval. */
  resubmit(
    id: string,
    changes: ResubmitApprovalBody = {},
    options?: RequestOptions,
  ): Promise<Approval> {
    return this.step(id, 'resubmit', changes, options);
  }

  /** Opens the receipt of a decided approval: a file that proves the decision offline. */
  receipt(id: string, query: ReceiptOptions = {}, options: RequestOptions = {}): Promise<Response> {
    const path = `/approvals/${segment(id)}/receipt`;
    return this.http.open({ ...options, method: 'GET', path, query: { ...query } });
  }

  /** Consumes an approval for one action. The digest of the payload has to be that of the approved one. */
  async consume(id: string, consumption: Consumption, options?: RequestOptions): Promise<Approval> {
    const digest =
      'digest' in consumption ? consumption.digest : await digestOf(consumption.payload);
    return this.step(id, 'consume', { digest }, options);
  }

  /**
   * Waits until the approval is decided, with all stages that follow it. Returns the approval of the last stage.
   *
   * @throws ApprovalRefusedError if a stage is rejected or withdrawn, or expires
   * @throws WaitTimeoutError if it is not decided in `timeoutMs`
   */
  async decision(id: string, options: WaitOptions = {}): Promise<Approval> {
    const { timeoutMs = Infinity, signal } = options;
    const deadline = performance.now() + timeoutMs;
    let stage = id;
    for (;;) {
      const left = deadline - performance.now();
      const decided = await this.stageDecision(stage, { timeoutMs: left, signal });
      if (decided.status !== 'approved') throw new ApprovalRefusedError(decided);
      if (decided.stage === decided.stages.length) return decided;
      stage = (await this.nextStage(decided, signal)).id;
    }
  }

  private stageDecision(id: string, options: WaitOptions): Promise<Approval> {
    return longPoll(options, async (waitSeconds, signal) => {
      const query = { wait_seconds: waitSeconds };
      const approval = await this.read<Approval>(`/approvals/${segment(id)}`, { query, signal });
      return approval.status === 'pending' ? undefined : approval;
    });
  }

  /** The transaction that approves a stage opens the next one. */
  private async nextStage(decided: Approval, signal?: AbortSignal): Promise<Approval> {
    for await (const one of this.list({ task_id: decided.task_id }, { signal }))
      if (one.chain_id === decided.chain_id && one.stage === decided.stage + 1) return one;
    const message = `Stage ${decided.stage + 1} of the approval ${decided.id} was not found.`;
    throw new MeshError('mesh.stage_missing', message);
  }

  private step(
    id: string,
    step: string,
    body: object,
    options?: RequestOptions,
  ): Promise<Approval> {
    return this.write(`/approvals/${segment(id)}/${step}`, body, options);
  }
}
