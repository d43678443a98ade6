import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsOptional } from 'class-validator';
import { WholeNumber } from '../../common/whole-number.js';
import { AreTaskTypes, IsRoleName } from '../../http/validators.js';

export class WaitQuery {
  @ApiPropertyOptional({
    description:
      'Role whose inbox to wait for. Required only if your token has several org roles and no default role.',
  })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    type: String,
    maxLength: 2_549,
    pattern: '^[^,]+(,[^,]+){0,49}$',
    description: 'Wait only for tasks of these types, separated by commas.',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(',') : value,
  )
  @IsArray()
  @ArrayMaxSize(50)
  @AreTaskTypes()
  task_types?: string[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 25,
    default: 25,
    description: 'Maximum time to wait, in seconds.',
  })
  @IsOptional()
  @WholeNumber(0, 25)
  wait_seconds: number = 25;
}

export class WaitDto {
  @ApiProperty({
    type: 'integer',
    description: 'Number of tasks that are due. 100 means 100 or more.',
    example: 1,
  })
  pending: number;
}
