import { Injectable } from '@nestjs/common';
import { approvalEtag, approvalExpiry } from '../approvals/approval-watches.service.js';
import type { Agent } from '../auth/agent.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { StateWatchesService } from '../events/state-watches.service.js';
import { type Revalidated, weakEtagOf } from '../http/etag.js';
import type { TaskWatchQuery } from './dto/task-watch.query.js';
import type { TaskDetailDto } from './dto/task.dto.js';
import { TasksReaderService } from './tasks-reader.service.js';

/** Waits for changes of a task, its attempts and its approvals. */
@Injectable()
export class TaskWatchesService {
  constructor(
    private readonly reader: TasksReaderService,
    private readonly watches: StateWatchesService,
  ) {}

  /**
   * Returns a task as soon as it differs from the version that the caller has, or as soon as it has ended, see
   * {@link StateWatchesService.watch}.
   *
   * @throws DomainError `task.not_found` or `request.invalid`
   */
  wait(
    agent: Agent,
    id: string,
    watch: TaskWatchQuery & { ifNoneMatch: string | undefined },
    gone: AbortSignal,
  ): Promise<Revalidated<TaskDetailDto>> {
    if (watch.until !== undefined && watch.wait_seconds === undefined) {
      throw new InvalidInputError([{ pointer: '?until', message: 'until requires wait_seconds' }]);
    }
    const resource = {
      read: () => this.reader.get(agent, id),
      etagOf: taskEtag,
      taskIdOf: (task: TaskDetailDto) => task.id,
      hasEnded: ({ status }: TaskDetailDto) => status !== 'pending' && status !== 'active',
      changesAt: nextExpiry,
    };
    return this.watches.watch(resource, watch, gone);
  }
}

/** Returns the entity tag of a task: a digest of the versions of its parts. A heartbeat changes no version. */
function taskEtag({ id, status, attempts, approvals, complete }: TaskDetailDto): string {
  const versions = attempts.map((attempt) => [attempt.id, attempt.version, attempt.status]);
  return weakEtagOf([id, status, versions, approvals.map(approvalEtag), complete]);
}

function nextExpiry({ approvals }: TaskDetailDto): Date | undefined {
  const times = approvals.flatMap((approval) => approvalExpiry(approval)?.getTime() ?? []);
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}
