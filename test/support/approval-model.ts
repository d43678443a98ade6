/** What can be done to the approvals of a task, or happen to them. */
export const APPROVAL_OPERATIONS = [
  'ask',
  'approve',
  'reject',
  'withdraw',
  'resubmit',
  'consume',
  'lapse',
  'cancel',
] as const;

export interface ApprovalOperation {
  name: (typeof APPROVAL_OPERATIONS)[number];
  /** Which of the approvers votes. */
  voter: number;
  /** Whether the first approval is meant, and not the latest. */
  isLate: boolean;
}

interface ModelApproval {
  stage: number;
  status: 'pending' | 'approved' | 'rejected' | 'expired' | 'withdrawn';
  votes: number;
  /** Who has voted in any stage of the chain. */
  chain: Set<number>;
  /** Who approved this stage. */
  approvers: Set<number>;
  isConsumed: boolean;
  isSuperseded: boolean;
}

/** 'ok', or the code of the refusal. */
type Verdict = 'ok' | `${string}.${string}`;

/** The approvals of a task as the requirement has them, without a database or a clock. */
export class ApprovalModel {
  readonly approvals: ModelApproval[] = [newApproval()];
  private isOver = false;

  constructor(
    private readonly quorum: number,
    private readonly stages: number,
  ) {}

  /** The place of the approval that is meant. */
  targetOf({ isLate }: ApprovalOperation): number {
    return isLate ? 0 : this.approvals.length - 1;
  }

  apply(operation: ApprovalOperation): Verdict {
    const target = this.approvals[this.targetOf(operation)];
    if (!target) throw new Error('there is an approval');
    if (operation.name === 'lapse') return this.lapse(target);
    if (this.isOver) return 'task.finished';
    switch (operation.name) {
      case 'ask':
        return this.ask();
      case 'approve':
        return this.vote(target, operation.voter) ?? this.approve(target, operation.voter);
      case 'reject':
        return this.reject(target, operation.voter);
      case 'withdraw':
        return settled(target) ?? set(target, 'withdrawn');
      case 'resubmit':
        return this.resubmit(target);
      case 'consume':
        return this.consume(target);
      case 'cancel':
        return this.cancel();
    }
  }

  private ask(): Verdict {
    if (this.wasConsumed()) return 'approval.already_consumed';
    if (this.isAsked(1)) return 'approval.pending_exists';
    this.approvals.push(newApproval());
    return 'ok';
  }

  /** Why an approver may not vote, if it may not. */
  private vote(target: ModelApproval, voter: number): Verdict | undefined {
    return settled(target) ?? (target.chain.has(voter) ? 'approval.voted' : undefined);
  }

  private approve(target: ModelApproval, voter: number): Verdict {
    const decides = target.votes + 1 >= this.quorum;
    const goesOn = decides && target.stage < this.stages;
    // The vote fails with the next stage, if that cannot open.
    if (goesOn && this.isAsked(target.stage + 1)) return 'approval.pending_exists';
    target.votes += 1;
    target.chain.add(voter);
    target.approvers.add(voter);
    if (decides) target.status = 'approved';
    if (goesOn) {
      this.approvals.push({ ...newApproval(), stage: target.stage + 1, chain: target.chain });
    }
    return 'ok';
  }

  /** A voter may change its approval to a rejection while the approval is pending. */
  private reject(target: ModelApproval, voter: number): Verdict {
    const isChange = target.status === 'pending' && target.approvers.delete(voter);
    const refusal = isChange ? settled(target) : this.vote(target, voter);
    if (refusal) return refusal;
    if (isChange) target.votes -= 1;
    target.chain.add(voter);
    return set(target, 'rejected');
  }

  private resubmit(target: ModelApproval): Verdict {
    if (target.status === 'pending' || target.status === 'approved') return 'approval.open';
    if (target.isSuperseded) return 'approval.superseded';
    if (this.wasConsumed()) return 'approval.already_consumed';
    if (this.isAsked(1)) return 'approval.pending_exists';
    target.isSuperseded = true;
    this.approvals.push(newApproval());
    return 'ok';
  }

  private consume(target: ModelApproval): Verdict {
    if (target.status !== 'approved' || target.stage < this.stages) return 'approval.not_approved';
    if (target.isConsumed) return 'approval.consumed';
    if (this.wasConsumed()) return 'approval.already_consumed';
    target.isConsumed = true;
    return 'ok';
  }

  private cancel(): Verdict {
    this.isOver = true;
    for (const each of this.approvals) if (each.status === 'pending') set(each, 'withdrawn');
    return 'ok';
  }

  private lapse(target: ModelApproval): Verdict {
    return target.status === 'pending' ? set(target, 'expired') : 'ok';
  }

  /** All approvals are about the same payload. */
  private wasConsumed(): boolean {
    return this.approvals.some(({ isConsumed }) => isConsumed);
  }

  private isAsked(stage: number): boolean {
    return this.approvals.some((each) => each.status === 'pending' && each.stage === stage);
  }
}

function newApproval(): ModelApproval {
  const chain = new Set<number>();
  const flags = { isConsumed: false, isSuperseded: false };
  return { stage: 1, status: 'pending', votes: 0, chain, approvers: new Set<number>(), ...flags };
}

function set(approval: ModelApproval, status: ModelApproval['status']): 'ok' {
  approval.status = status;
  return 'ok';
}

function settled({ status }: ModelApproval): Verdict | undefined {
  if (status === 'pending') return undefined;
  return status === 'expired' ? 'approval.expired' : 'approval.decided';
}
