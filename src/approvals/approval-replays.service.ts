import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ReplayRulesService } from '../idempotency/replay-rules.service.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';

/** An approval may be decided, or expire, after the response to an action that left it pending. */
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
