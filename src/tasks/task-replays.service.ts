import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { isRecord } from '../common/is-record.js';
import { ReplayRulesService } from '../idempotency/replay-rules.service.js';
import { SessionsReaderService } from '../sessions/sessions-reader.service.js';
import { CLAIM_LIMITS } from './dto/claim-limits.dto.js';
import { TasksReaderService } from './tasks-reader.service.js';

/**
 * Replays claims, cancellations and retries with the present state of the task. After the first response the lease can be
 * lost, a cancelled task retried, or a retried task claimed.
 */
@Injectable()
export class TaskReplaysService implements OnModuleInit {
  constructor(
    private readonly rules: ReplayRulesService,
    private readonly tasks: TasksReaderService,
    private readonly sessions: SessionsReaderService,
  ) {}

  onModuleInit(): void {
    this.rules.add({
      method: 'POST',
      path: /^\/tasks\/([^/]+\/)?claim\/?$/i,
      present: (agent, first) => this.claim(agent, first),
      isAlwaysMarked: true,
    });
    this.rules.add({
      method: 'POST',
      path: /^\/tasks\/[^/]+\/(cancel|retry)\/?$/i,
      present: (agent, task) => this.tasks.getTask(agent, idOf(task)),
    });
  }

  private async claim(agent: Agent, { task, session }: Record<string, unknown>): Promise<object> {
    const [{ approvals, ...taskNow }, sessionNow] = await Promise.all([
      this.tasks.getClaimed(agent, idOf(task)),
      this.sessions.get(agent, { kind: 'session', id: idOf(session) }),
    ]);
    return { task: taskNow, session: sessionNow, limits: CLAIM_LIMITS, approvals };
  }
}

function idOf(value: unknown): string {
  return isRecord(value) && typeof value['id'] === 'string' ? value['id'] : '';
}
