import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { IsId } from '../../http/ids.js';
import { IsRoleName } from '../../http/validators.js';
import { URL_EXAMPLE } from './webhook.dto.js';

const TYPE = /^(\*|[a-z0-9_-]+(\.[a-z0-9_-]+)+)$/i;

/** Validates a list of event types, or of `*`. */
function AreEventTypes(): PropertyDecorator {
  return applyDecorators(
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(50),
    MaxLength(50, { each: true }),
    Matches(TYPE, {
      each: true,
      message: 'each of types must be an event type such as task.routed, or *',
    }),
  );
}

export class CreateWebhookDto {
  @ApiProperty({
    maxLength: 2_000,
    description: 'URL that receives the events: https, without credentials, at a public address.',
    example: URL_EXAMPLE,
  })
  @IsString()
  @MaxLength(2_000)
  url: string;

  @ApiProperty({
    type: [String],
    minItems: 1,
    maxItems: 50,
    description: 'Types of the events, or `["*"]` for all.',
    example: ['approval.requested', 'approval.decided'],
  })
  @AreEventTypes()
  types: string[];

  @ApiPropertyOptional({
    description: 'The webhook receives only events that this role may read. Default: all events.',
    example: 'finance',
  })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    description: 'Only events of this task: a UUID, or `task-<uuid>`.',
    example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    maxLength: 500,
    description: 'Text for people.',
    example: 'Chat of finance',
  })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  description?: string;
}

export class UpdateWebhookDto {
  @ApiPropertyOptional({ maxLength: 2_000, description: 'New URL.', example: URL_EXAMPLE })
  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  url?: string;

  @ApiPropertyOptional({ type: [String], minItems: 1, maxItems: 50, description: 'New types.' })
  @IsOptional()
  @AreEventTypes()
  types?: string[];

  @ApiPropertyOptional({ description: 'New role.' })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({ description: 'New task.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({ maxLength: 500, description: 'New text for people.' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  description?: string;

  @ApiPropertyOptional({
    enum: ['enabled', 'disabled'],
    description:
      'A disabled webhook sends nothing. When it is enabled, it continues where it stopped.',
    example: 'disabled',
  })
  @IsOptional()
  @IsIn(['enabled', 'disabled'])
  status?: 'enabled' | 'disabled';
}

export class RotateSecretDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 604_800,
    default: 86_400,
    description: 'Seconds during which the old secret signs as well.',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(604_800)
  overlap_seconds: number = 86_400;
}
