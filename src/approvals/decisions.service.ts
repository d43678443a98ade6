import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { isBlank } from '../common/invisible-characters.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { taskRelations } from '../lifecycle/task-summary.js';
import { ambiguousApproval, ambiguousRole, nonePending, notesRequired } from './approval-errors.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { type ApprovalAckDto, toApprovalAck } from './dto/approval-ack.dto.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';
import { assertDecides, type CreateApprovalDto } from './dto/create-approval.dto.js';
import type { DecideApprovalDto } from './dto/decide-approval.dto.js';
import { UnrequestedDecisionsService } from './unrequested-decisions.service.js';
import type { Verdict } from './verdict.js';
import { VotesService } from './votes.service.js';

/** Decides approvals: one by its id, or the one that is pending for a role and task. */
@Injectable()
export class DecisionsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly reader: ApprovalsReaderService,
    private readonly approvals: ApprovalsRepository,
    private readonly votes: VotesService,
    private readonly unrequested: UnrequestedDecisionsService,
  ) {}

  /** Votes on one approval. */
  async decide(
    agent: Agent,
    id: string,
    { decision, comments, digest }: DecideApprovalDto,
  ): Promise<ApprovalDto> {
    const verdict = { decision, notes: notesOf(decision, comments), digest };
    const approval = await this.transactions.run(async (manager) => {
      const { task } = await this.reader.getWithTask(manager, agent, id);
      const locked = await this.taskStates.lockOpen(manager, task.task_id);
      return this.votes.vote(manager, agent, locked, id, verdict);
    });
    return toApprovalDto(approval);
  }

  /**
   * Votes on the approval of a task that is pending for a role of the caller. Without one, the assignee role of the
   * task may decide once without a request: routing the task to it was the request.
   */
  async decideAbout(
    agent: Agent,
    dto: CreateApprovalDto,
    decision: Verdict['decision'],
  ): Promise<ApprovalAckDto> {
    assertDecides(dto);
    // v0.4 agents send their comments as `reason`.
    const verdict = { decision, notes: notesOf(decision, dto.comments, dto.reason) };
    const approval = await this.transactions.run(async (manager) => {
      await this.taskStates.getReadable(manager, agent, dto.task_id);
      const roles = decidingRoles(agent, dto.approver_role);
      const task = await this.taskStates.lockOpen(manager, dto.task_id);
      const pending = await this.approvals.listPending(manager, task.task_id, roles);
      const isUnasked =
        roles.includes(task.to_role) && (await this.unrequested.isOpen(manager, task));
      const candidates = [
        ...pending.map(({ approver_role }) => approver_role),
        ...(isUnasked ? [task.to_role] : []),
      ];
      const role = decidingRole(agent, new Set(candidates), pending);
      const [chosen, ...others] = pending.filter(({ approver_role }) => approver_role === role);
      if (!chosen) {
        if (!roles.includes(task.to_role)) throw nonePending();
        authorize('approvals.decide', [...taskRelations(agent, task), 'approver'], nonePending);
        return this.unrequested.decide(manager, agent, task, dto.reason ?? '', verdict);
      }
      if (others.length > 0) throw ambiguousApproval([chosen, ...others]);
      return this.votes.vote(manager, agent, task, chosen.id, verdict);
    });
    return toApprovalAck(approval);
  }
}

/** Returns the first text that is not blank for a rejection, which requires one; else the first text. */
function notesOf(decision: Verdict['decision'], ...told: (string | undefined)[]): string {
  const notes = told.find((text) => text !== undefined && !isBlank(text));
  if (notes === undefined && decision === 'rejected') throw notesRequired();
  return decision === 'rejected' ? (notes ?? '') : (told[0] ?? '');
}

/** Returns the role for which the agent decides: the only one that can, else the default role of its token. */
function decidingRole(
  { defaultRole }: Agent,
  candidates: ReadonlySet<string>,
  pending: readonly ApprovalRow[],
): string | undefined {
  if (candidates.size < 2) return [...candidates][0];
  if (defaultRole !== undefined && candidates.has(defaultRole)) return defaultRole;
  throw ambiguousRole([...candidates], pending);
}

/**
 * Returns the roles for which the agent may decide: the named one if it holds that, or all it holds if none is named.
 */
function decidingRoles(agent: Agent, named: string | undefined): readonly string[] {
  if (named === undefined) return agent.roles;
  if (agent.roles.includes(named)) return [named];
  throw new DomainError(
    'auth.role_not_held',
    'Your token does not carry the role in approver_role. Name one of your roles; GET /me lists them.',
  );
}
