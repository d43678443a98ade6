import { Injectable, type OnModuleInit } from '@nestjs/common';
import { OutageRecoveryService } from '../database/outage-recovery.service.js';
import { AttemptTimeoutsRepository } from './attempt-timeouts.repository.js';

/** Extends leases after an outage, in which no worker could send a heartbeat. */
@Injectable()
export class LeaseExtensionsService implements OnModuleInit {
  constructor(
    private readonly recovery: OutageRecoveryService,
    private readonly timeouts: AttemptTimeoutsRepository,
  ) {}

  onModuleInit(): void {
    this.recovery.add({
      name: 'leases',
      run: (manager, { graceSeconds }) => this.timeouts.extendLeases(manager, graceSeconds),
    });
  }
}
