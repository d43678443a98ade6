import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { WholeNumber } from '../../common/whole-number.js';
import { toCloudEventType } from '../../events/cloud-event.js';
import { IsTimestamp } from '../../http/validators.js';
import type { DeliveryStatus } from '../webhook-delivery.entity.js';
import type { DeliveryWithAttempts } from '../webhook-deliveries.repository.js';

const STATUSES = ['pending', 'delivered', 'failed'] as const;

export class ListDeliveriesQuery {
  @ApiPropertyOptional({ enum: STATUSES, description: 'Only deliveries with this status.' })
  @IsOptional()
  @IsIn(STATUSES)
  status?: DeliveryStatus;

  @ApiPropertyOptional({ maxLength: 20, description: 'The `next_cursor` of the previous page.' })
  @IsOptional()
  @IsString()
  @MaxLength(20)
  cursor?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 100,
    default: 20,
    description: 'Maximum number of deliveries on the page.',
  })
  @IsOptional()
  @WholeNumber(1, 100)
  page_size: number = 20;
}

@ApiSchema({ description: 'An attempt to deliver an event.' })
export class DeliveryAttemptDto {
  @ApiProperty({
    description: 'Start of the attempt.',
    format: 'date-time',
    type: String,
    example: '2026-01-31T12:00:05.000Z',
  })
  started_at: Date;

  @ApiProperty({ type: 'integer', description: 'Duration in milliseconds.', example: 84 })
  duration_ms: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Status of the response; null: there was none.',
    example: 200,
  })
  status: number | null;

  @ApiProperty({
    type: String,
    nullable: true,
    enum: ['address_refused', 'timeout', 'connection', 'tls', 'dns', 'secret', null],
    description:
      'Why there was no response. `address_refused`: the address is not public. `secret`: `WEBHOOK_SECRET_KEY` has changed; rotate the secret.',
    example: null,
  })
  error: string | null;

  @ApiProperty({ description: 'The first 512 bytes of the response body.', example: 'ok' })
  response: string;
}

@ApiSchema({ description: 'The delivery of an event to a webhook.' })
export class DeliveryDto {
  @ApiProperty({ type: 'integer', description: 'Position of the event.', example: 4711 })
  position: number;

  @ApiProperty({
    description: 'Id of the event in the audit log.',
    format: 'uuid',
    example: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c',
  })
  event_id: string;

  @ApiProperty({ description: 'Type of the event.', example: 'approval.decided' })
  type: string;

  @ApiProperty({
    enum: STATUSES,
    description: '`failed`: ten attempts failed, or the endpoint is gone.',
    example: 'delivered',
  })
  status: DeliveryStatus;

  @ApiProperty({
    description: 'Time of the next attempt; `null` if none follows.',
    type: String,
    format: 'date-time',
    nullable: true,
    example: null,
  })
  next_attempt_at: Date | null;

  @ApiProperty({
    description: 'Time at which the delivery was created.',
    type: String,
    format: 'date-time',
    example: '2026-01-31T12:00:05.000Z',
  })
  created_at: Date;

  @ApiProperty({
    description: 'Time at which the delivery succeeded or failed; `null` while it is pending.',
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2026-01-31T12:00:05.000Z',
  })
  ended_at: Date | null;

  @ApiProperty({ type: [DeliveryAttemptDto], description: 'The attempts, oldest first.' })
  attempts: DeliveryAttemptDto[];
}

@ApiSchema({ description: 'A page of deliveries, latest event first.' })
export class DeliveryPageDto {
  @ApiProperty({ type: [DeliveryDto], description: 'The deliveries, highest position first.' })
  deliveries: DeliveryDto[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The cursor of the next page; null on the last page.',
    example: null,
  })
  next_cursor: string | null;
}

@ApiSchema({ description: 'The response to a redelivery.' })
export class RedeliveryDto {
  @ApiProperty({ type: 'integer', description: 'Position of the event.', example: 4711 })
  position: number;
}

export class ReplayDto {
  @ApiPropertyOptional({
    maxLength: 25,
    description: 'Replay the events after this cursor of `GET /events`, or this position.',
    example: '1.4700',
  })
  @IsOptional()
  @IsString()
  @MaxLength(25)
  after?: string;

  @ApiPropertyOptional({ description: 'Replay the events at or after this time.' })
  @IsOptional()
  @IsTimestamp()
  since?: string;

  @ApiPropertyOptional({ description: 'Only events before this time.' })
  @IsOptional()
  @IsTimestamp()
  until?: string;

  @ApiPropertyOptional({ default: false, description: 'Only events whose delivery has failed.' })
  @IsOptional()
  @IsBoolean()
  only_failed: boolean = false;
}

@ApiSchema({ description: 'The response to a replay.' })
export class WebhookReplayDto {
  @ApiProperty({
    type: 'integer',
    description: 'Number of events that are sent again.',
    example: 12,
  })
  count: number;
}

/** Maps a delivery to its representation in the API. */
export function toDeliveryDto(delivery: DeliveryWithAttempts): DeliveryDto {
  const { position, event_id, event_type, status, next_attempt_at, created_at, ended_at } =
    delivery;
  return {
    position,
    event_id,
    type: toCloudEventType(event_type),
    status,
    next_attempt_at: status === 'pending' ? next_attempt_at : null,
    created_at,
    ended_at,
    attempts: delivery.attempts.map((attempt) => ({
      ...attempt,
      started_at: new Date(attempt.started_at),
    })),
  };
}
