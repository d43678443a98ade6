import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ReplayRules } from '../idempotency/replay-rules.js';
import { ApprovalsReader } from './approvals-reader.service.js';

/** An approval may be decided, or expire, after the response to a vote, a delegation or a resubmission. */
@Injectable()
export class ApprovalReplaysService implements OnModuleInit {
  constructor(
    private readonly rules: ReplayRules,
    private readonly reader: ApprovalsReader,
  ) {}

  onModuleInit(): void {
    this.rules.add({
      method: 'POST',
      path: /^\/approvals\/[^/]+\/(decision|delegate|resubmit)\/?$/i,
      present: (agent, { id }) => this.reader.get(agent, typeof id === 'string' ? id : ''),
    });
  }
}
