import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ReplayRulesService } from '../idempotency/replay-rules.service.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';

/** Adds the current approval to a replay, since it may have changed after the stored response. */
@Injectable()
export class ApprovalReplaysService implements OnModuleInit {
  constructor(
    private readonly rules: ReplayRulesService,
    private readonly reader: ApprovalsReaderService,
  ) {}

  onModuleInit(): void {
    this.rules.add({
      method: 'POST',
      path: /^\/approvals\/[^/]+\/(decision|delegate|reassign|recall|resubmit)\/?$/i,
      present: (agent, { id }) => this.reader.get(agent, typeof id === 'string' ? id : ''),
    });
  }
}
