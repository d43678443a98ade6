import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditLogStateService } from './audit-log-state.service.js';
import type { AuditSealsDto } from './dto/audit-seals.dto.js';
import { EventSealsRepository } from './event-seals.repository.js';

/** Reads which events are sealed, and under which head. */
@Injectable()
export class EventSealsService {
  constructor(
    private readonly seals: EventSealsRepository,
    private readonly log: AuditLogStateService,
    private readonly transactions: TransactionsService,
  ) {}

  /** Returns the state of the sealed log, and the entries of events that the agent may read. */
  get(agent: Agent, eventIds: readonly string[]): Promise<AuditSealsDto> {
    const visibleTo = canReadEverything(agent) ? undefined : agent;
    return this.transactions.read(async (manager) => {
      const [{ size, head }, seals] = await Promise.all([
        this.seals.getNewest(manager),
        this.seals.list(manager, eventIds, visibleTo),
      ]);
      return { state: this.log.state, size, head, seals };
    });
  }
}
