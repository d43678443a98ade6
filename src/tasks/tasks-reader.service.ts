import { Injectable } from '@nestjs/common';
import { ApprovalsReaderService } from '../approvals/approvals-reader.service.js';
import type { Agent } from '../auth/agent.js';
import { TransactionsService } from '../database/transactions.service.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { SessionsReaderService } from '../sessions/sessions-reader.service.js';
import { type TaskDetailDto, toTaskDto } from './dto/task.dto.js';
import { TaskListsRepository } from './task-lists.repository.js';

/** Reads one task for its participants, auditors and admins. */
@Injectable()
export class TasksReaderService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly expiry: ExpiryService,
    private readonly sessions: SessionsReaderService,
    private readonly approvals: ApprovalsReaderService,
    private readonly lists: TaskListsRepository,
  ) {}

  /**
   * Returns one task with its attempts and approvals.
   *
   * @throws DomainError `task.not_found`
   */
  async get(agent: Agent, id: string): Promise<TaskDetailDto> {
    const { session_id } = await this.transactions.read((manager) =>
      this.taskStates.getReadable(manager, agent, id),
    );
    await this.expiry.expireIfOverdue(session_id);
    return this.transactions.read(async (manager) => {
      const task = await this.lists.get(manager, id);
      const [attempts, approvals] = await Promise.all([
        this.sessions.listAttempts(manager, id),
        this.approvals.listOfTask(manager, id),
      ]);
      return {
        ...toTaskDto(task),
        attempts: attempts.rows,
        approvals: approvals.rows,
        complete: !attempts.isTruncated && !approvals.isTruncated,
      };
    });
  }
}
