import type { MeshClient } from '../client.js';
import { digestOf } from '../digest.js';
import { isProblem } from '../errors.js';
import type { Approval, Session } from '../types.js';
import { persistently } from './persistently.js';

/** Options of {@link TaskContext.requestApproval}. */
export interface ApprovalOptions {
  /** The role that decides. Set this or `stages`. */
  readonly approverRole?: string;
  /** Roles that decide one after the other. */
  readonly stages?: readonly string[];
  /** Number of subjects that must approve, in each stage. Default: 1. */
  readonly quorum?: number;
  /** The reason, for the approver. */
  readonly reason?: string;
  /** Time to decide each stage. Default: 259,200 (three days). */
  readonly expiresInSeconds?: number;
  /** `human`: only a person can decide. */
  readonly approverKind?: 'any' | 'human';
  /** Requests another approval of a payload that was consumed before. Needs a `reason`. */
  readonly repeat?: boolean;
}

/** Requests, awaits and consumes the approvals of one attempt. Each step has a stable key, so a repetition has no effect. */
export class ApprovalStep {
  /** How many approvals of each payload this attempt has requested. */
  private readonly requested = new Map<string, number>();

  constructor(
    private readonly client: MeshClient,
    private readonly session: Session,
    private readonly signal: AbortSignal,
  ) {}

  async grant(payload: Record<string, unknown>, options: ApprovalOptions): Promise<Approval> {
    const digest = await digestOf(payload);
    const number = (this.requested.get(digest) ?? 0) + 1;
    this.requested.set(digest, number);
    const earlier = options.repeat ? undefined : await this.findEarlier(digest, options);
    return this.consume(earlier ?? (await this.request(payload, digest, number, options)));
  }

  /** Finds an approval of the payload that this or an earlier attempt requested and that still counts. */
  private async findEarlier(
    digest: string,
    options: ApprovalOptions,
  ): Promise<Approval | undefined> {
    const { approvals } = await this.try(() => this.client.tasks.get(this.taskId));
    const stages = stagesOf(options);
    return approvals
      .filter((one) => one.digest === digest && one.quorum >= (options.quorum ?? 1))
      .filter((one) => one.stages.join() === stages.join())
      .findLast((one) => one.status === 'pending' || isUsable(one));
  }

  private async request(
    payload: Record<string, unknown>,
    digest: string,
    number: number,
    options: ApprovalOptions,
  ): Promise<Approval> {
    const { approverRole, stages, quorum, reason, expiresInSeconds, approverKind } = options;
    const request = {
      task_id: this.taskId,
      from_role: this.session.role,
      payload,
      ...(approverRole !== undefined && { approver_role: approverRole }),
      ...(stages !== undefined && { stages: [...stages] }),
      ...(quorum !== undefined && { quorum }),
      ...(reason !== undefined && { reason }),
      ...(expiresInSeconds !== undefined && { expires_in_seconds: expiresInSeconds }),
      ...(approverKind !== undefined && { approver_kind: approverKind }),
      ...(options.repeat !== undefined && { repeat: options.repeat }),
    };
    const idempotencyKey = `${this.session.id}.approval.${digest}.${number}`;
    try {
      const { approval_id } = await this.try(() =>
        this.client.approvals.request(request, { idempotencyKey, signal: this.signal }),
      );
      return await this.read(approval_id);
    } catch (error) {
      const isRace = isProblem(error, 'approval.pending_exists', 'approval.already_consumed');
      const other = isRace ? await this.findEarlier(digest, options) : undefined;
      if (other === undefined) throw error;
      return other;
    }
  }

  /** Waits for the decision and consumes the approval; returns it at once if it is consumed already. */
  private async consume(approval: Approval): Promise<Approval> {
    if (approval.consumed_at !== null) return approval;
    const { signal } = this;
    const decided = await this.try(() => this.client.approvals.decision(approval.id, { signal }));
    if (decided.consumed_at !== null) return decided;
    const idempotencyKey = `${this.session.id}.consume.${decided.id}`;
    const digest = decided.digest ?? '';
    try {
      return await this.try(() =>
        this.client.approvals.consume(decided.id, { digest }, { idempotencyKey, signal }),
      );
    } catch (error) {
      if (!isProblem(error, 'approval.consumed')) throw error;
      return this.read(decided.id);
    }
  }

  private read(id: string): Promise<Approval> {
    return this.try(() => this.client.approvals.get(id));
  }

  private get taskId(): string {
    return this.session.task_id ?? '';
  }

  private try<T>(operation: () => Promise<T>): Promise<T> {
    return persistently(this.signal, operation);
  }
}

function stagesOf({ approverRole, stages }: ApprovalOptions): readonly string[] {
  return stages ?? (approverRole === undefined ? [] : [approverRole]);
}

/** Whether an approval was granted and can be consumed, or was consumed for this task. */
function isUsable({ status, stage, stages, consumed_at, consume_until }: Approval): boolean {
  if (status !== 'approved' || stage !== stages.length) return false;
  return consumed_at !== null || consume_until === null || Date.parse(consume_until) > Date.now();
}
