import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';

export class RecallApprovalDto {
  @ApiPropertyOptional({
    maxLength: 1_000,
    description: 'Why the decision is recalled. Stored in the audit log.',
    example: 'We decide it after all',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}
