import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, IsString, Length, MaxLength, ValidateNested } from 'class-validator';
import { Normalised } from '../../http/normalise.decorator.js';
import { IsJsonObject, IsRoleName } from '../../http/rules.js';
import { fromCarelessBody } from './careless-body.js';

/** What is asked for. */
export class NewTaskDto {
  @ApiProperty({
    description: 'Free text, such as `notification`, `approval` or `budget_approval`.',
    maxLength: 50,
    example: 'budget_approval',
  })
  @IsString()
  @Length(1, 50)
  task_type: string;

  @ApiPropertyOptional({
    maxLength: 10_000,
    default: '',
    example: 'Approve the Q3 marketing budget',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  description: string = '';

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    default: {},
    example: { amount: 50000 },
  })
  @IsOptional()
  @IsJsonObject()
  data: Record<string, unknown> = {};
}

@Normalised(fromCarelessBody)
export class RouteTaskDto {
  @ApiProperty({ description: 'The role that is to do it.', example: 'manager' })
  @IsRoleName()
  target: string;

  @ApiPropertyOptional({
    description: 'The role that asks; needed only by an agent that holds several.',
    example: 'finance',
  })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiProperty({ type: NewTaskDto })
  @ValidateNested()
  @IsObject({ message: 'task must be a JSON object' })
  @Type(() => NewTaskDto)
  task: NewTaskDto;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, default: {}, example: {} })
  @IsOptional()
  @IsJsonObject()
  context: Record<string, unknown> = {};
}
