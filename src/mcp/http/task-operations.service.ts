import { Injectable } from '@nestjs/common';
import { LeaseDto } from '../../sessions/dto/lease.dto.js';
import { ClaimsService } from '../../tasks/claims.service.js';
import { ListTasksQuery } from '../../tasks/dto/list-tasks.query.js';
import { RouteTaskDto } from '../../tasks/dto/route-task.dto.js';
import { CancelDto } from '../../tasks/dto/task-control.dto.js';
import { ClaimDto } from '../../tasks/dto/claim.dto.js';
import { WaitQuery } from '../../tasks/dto/wait.dto.js';
import { InboxWaitService } from '../../tasks/inbox-wait.service.js';
import { TaskPagesService } from '../../tasks/task-pages.service.js';
import { TaskControlService } from '../../tasks/task-control.service.js';
import { TaskHistoryService } from '../../tasks/task-history.service.js';
import { TaskWatchQuery } from '../../tasks/dto/task-watch.query.js';
import { TaskWatchesService } from '../../tasks/task-watches.service.js';
import { TasksService } from '../../tasks/tasks.service.js';
import {
  bodyAs,
  EmptyResult,
  type InProcessOperations,
  queryAs,
  taskIdOf,
} from './in-process-operation.js';

/** The operations of tasks, without HTTP. */
@Injectable()
export class TaskOperationsService {
  constructor(
    private readonly tasks: TasksService,
    private readonly pages: TaskPagesService,
    private readonly watches: TaskWatchesService,
    private readonly claims: ClaimsService,
    private readonly taskControl: TaskControlService,
    private readonly inbox: InboxWaitService,
    private readonly history: TaskHistoryService,
  ) {}

  readonly all = {
    route_task: {
      status: 202,
      run: async (call) => this.tasks.route(call.agent, await bodyAs(RouteTaskDto, call)),
    },
    list_tasks: {
      status: 200,
      run: async (call) => this.pages.list(call.agent, await queryAs(ListTasksQuery, call)),
    },
    get_task: {
      status: 200,
      run: async (call) => {
        const watch = { ...(await queryAs(TaskWatchQuery, call)), ifNoneMatch: undefined };
        return (await this.watches.wait(call.agent, taskIdOf(call), watch, call.gone)).value;
      },
    },
    read_timeline: {
      status: 200,
      run: async (call) => this.history.timeline(call.agent, taskIdOf(call)),
    },
    wait_for_task: {
      status: 200,
      run: async (call) => {
        const query = await queryAs(WaitQuery, call);
        const { pending, pause } = await this.inbox.wait(call.agent, query, call.gone);
        return pending > 0 ? { pending } : new EmptyResult(pause);
      },
    },
    claim_next_task: {
      status: 200,
      run: async (call) => {
        const dto = await bodyAs(ClaimDto, call);
        const { claimed, pause } = await this.claims.claimNext(call.agent, dto);
        return claimed ?? new EmptyResult(pause);
      },
    },
    claim_task: {
      status: 200,
      run: async (call) => {
        const { lease_seconds } = await bodyAs(LeaseDto, call);
        return this.claims.claim(call.agent, taskIdOf(call), lease_seconds);
      },
    },
    cancel_task: {
      status: 200,
      run: async (call) => {
        const dto = await bodyAs(CancelDto, call);
        return this.taskControl.cancel(call.agent, taskIdOf(call), dto);
      },
    },
  } satisfies InProcessOperations;
}
