import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsOptional, IsString, MaxLength } from 'class-validator';

export class ReasonDto {
  @ApiPropertyOptional({
    maxLength: 1_000,
    description: 'Reason. It is recorded in the timeline of the task.',
    example: 'The budget was cut',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}

export class CancelDto extends ReasonDto {
  @ApiPropertyOptional({
    description:
      'If `true`, also cancels the open subtasks, at all levels, that your role routed directly or through the chain of tasks.',
    default: false,
  })
  @IsOptional()
  @IsBoolean()
  cascade?: boolean;
}
