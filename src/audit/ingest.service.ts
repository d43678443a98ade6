import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import { TransactionsService } from '../database/transactions.service.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService, type NewAuditEvent } from './audit.service.js';
import { isUuidTrace, traceUuid } from './foreign-trace.js';
import type {
  IngestAckDto,
  IngestBatchAckDto,
  ReportedEventDto,
} from './dto/reported-event.dto.js';
import { atEachIndex } from './ingest-body.pipe.js';

const EVENT_TYPE_LENGTH = 50;

/** Stores events that agents report about themselves. */
@Injectable()
export class IngestService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
  ) {}

  /** Records a report with the caller as its actor. A report cannot name another actor. */
  async ingest(agent: Agent, dto: ReportedEventDto): Promise<IngestAckDto> {
    const event = toEvent(agent, dto);
    const event_id = await this.transactions.run((manager) => this.audit.record(manager, event));
    return { event_id, status: 'accepted', trace_id: event.trace_id };
  }

  /** Like {@link ingest}, for many reports: records all of them, or none if one is invalid. */
  async ingestAll(agent: Agent, dtos: readonly ReportedEventDto[]): Promise<IngestBatchAckDto> {
    const events = atEachIndex(dtos, (dto) => toEvent(agent, dto));
    const ids = await this.transactions.run((manager) => this.audit.recordAll(manager, events));
    return {
      status: 'accepted',
      count: events.length,
      events: events.map(({ trace_id }, n) => ({ event_id: ids[n] ?? '', trace_id })),
    };
  }
}

function toEvent(agent: Agent, dto: ReportedEventDto): NewAuditEvent {
  const { source, subject, content, timestamp, traceId } = dto;
  return {
    event_type: eventType(dto),
    trace_id: traceId === undefined ? currentTraceId() : traceUuid(traceId),
    by: { role: actingRole(agent), subject: agent.subject },
    metadata: {
      ...dto.metadata,
      source,
      // An absent member must not overwrite the same member of the agent's metadata.
      ...(subject !== undefined && { subject }),
      ...(content !== undefined && { content }),
      ...(timestamp !== undefined && { reported_at: timestamp }),
      ...(traceId !== undefined && !isUuidTrace(traceId) && { reported_trace_id: traceId }),
    },
  };
}

function eventType({ category, action }: ReportedEventDto): `agent.${string}` {
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
