import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { SYSTEM } from '../../auth/actor.js';
import { newId } from '../../common/new-id.js';
import { currentTraceId } from '../../observability/request-context.js';
import type { ExportTotals } from '../ndjson.js';
import { AuditEventDto } from './audit-event.dto.js';

/** Type of the last line of an export. */
const EXPORT_COMPLETED = 'export_completed';

@ApiSchema({
  description:
    'The last line of a complete export. Clients of v0.4 can read it like any event; it is not stored.',
})
export class ExportEndDto extends AuditEventDto {
  @ApiProperty({
    enum: [EXPORT_COMPLETED],
    description: 'Always `export_completed`.',
    example: EXPORT_COMPLETED,
  })
  declare event_type: typeof EXPORT_COMPLETED;

  @ApiProperty({
    type: 'integer',
    minimum: 0,
    description: 'Number of lines before this one.',
    example: 1203,
  })
  count: number;

  @ApiProperty({
    pattern: '^[0-9a-f]{64}$',
    description:
      'SHA-256, in hexadecimal, of the bytes before this line, with the newline of each line.',
    example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  })
  digest: string;
}

export function toExportEnd({ count, digest }: ExportTotals): ExportEndDto {
  return {
    id: newId(),
    event_type: EXPORT_COMPLETED,
    role: SYSTEM.role,
    actor: SYSTEM.subject,
    timestamp: new Date(),
    trace_id: currentTraceId(),
    task_id: null,
    session_id: null,
    approval_id: null,
    metadata: {},
    count,
    digest,
  };
}
