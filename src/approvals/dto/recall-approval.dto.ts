import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';

export class RecallApprovalDto {
  @ApiPropertyOptional({ maxLength: 1_000, example: 'We decide it after all' })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}
