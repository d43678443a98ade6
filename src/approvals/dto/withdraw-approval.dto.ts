import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';

export class WithdrawApprovalDto {
  @ApiPropertyOptional({
    maxLength: 1_000,
    description: 'Why the approval is withdrawn. Stored in the audit log.',
    example: 'The request was changed',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}
