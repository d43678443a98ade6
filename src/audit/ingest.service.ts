import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import { TransactionsService } from '../database/transactions.service.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService } from './audit.service.js';
import { isUuidTrace, traceUuid } from './foreign-trace.js';
import type { IngestAckDto, IngestEventDto } from './dto/ingest-event.dto.js';

const EVENT_TYPE_LENGTH = 50;

/** Stores events that agents report about themselves. */
@Injectable()
export class IngestService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
  ) {}

  /** Records a report with the caller as its actor. A report cannot name another actor. */
  async ingest(agent: Agent, dto: IngestEventDto): Promise<IngestAckDto> {
    const by = { role: actingRole(agent), subject: agent.subject };
    const event_type = eventType(dto);
    const { source, subject, content, timestamp, traceId } = dto;
    const trace_id = traceId === undefined ? currentTraceId() : traceUuid(traceId);
    const metadata = {
      ...dto.metadata,
      source,
      // An absent member must not overwrite the same member of the agent's metadata.
      ...(subject !== undefined && { subject }),
      ...(content !== undefined && { content }),
      ...(timestamp !== undefined && { reported_at: timestamp }),
      ...(traceId !== undefined && !isUuidTrace(traceId) && { reported_trace_id: traceId }),
    };
    const event_id = await this.transactions.run((manager) =>
      this.audit.record(manager, {
        event_type,
        trace_id,
        by,
        metadata,
      }),
    );
    return { event_id, status: 'accepted', trace_id };
  }
}

function eventType({ category, action }: IngestEventDto): `agent.${string}` {
  const type = `agent.${category}.${action}` as const;
  if (type.length <= EVENT_TYPE_LENGTH) return type;
  const most = EVENT_TYPE_LENGTH - 'agent..'.length;
  throw new InvalidInputError([
    {
      pointer: '/action',
      message: `category and action together must have at most ${most} characters`,
    },
  ]);
}
