import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { type Outage, OutageRecoveryService } from '../database/outage-recovery.service.js';
import { ApprovalDeadlinesRepository } from './approval-deadlines.repository.js';
import { approvalEvent } from './approval-events.js';

/** Extends approvals after an outage, during which they could be neither decided nor consumed. */
@Injectable()
export class ApprovalExtensionsService implements OnModuleInit {
  constructor(
    private readonly recovery: OutageRecoveryService,
    private readonly deadlines: ApprovalDeadlinesRepository,
    private readonly audit: AuditService,
  ) {}

  onModuleInit(): void {
    this.recovery.add({
      name: 'approvals',
      run: (manager, outage) => this.extend(manager, outage),
    });
  }

  private async extend(manager: EntityManager, outage: Outage): Promise<number> {
    const extended = await this.deadlines.extend(manager, outage);
    this.audit.recordAll(
      manager,
      extended.map(({ until, ...approval }) =>
        approvalEvent('approval_extended', approval, approval, SYSTEM, { until, reason: 'outage' }),
      ),
    );
    return extended.length;
  }
}
