import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, MaxLength } from 'class-validator';

/** For how long the worker need not be heard of. */
export class LeaseDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 30,
    maximum: 3600,
    default: 300,
    description: 'For how long, from now, the worker need not be heard of.',
    example: 300,
  })
  @IsOptional()
  @IsInt()
  lease_seconds?: number;
}

export class ReleaseDto {
  @ApiPropertyOptional({ maxLength: 1_000, example: 'The tool that it needs is down' })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}
