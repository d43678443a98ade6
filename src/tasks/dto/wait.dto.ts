import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsOptional } from 'class-validator';
import { AreTaskTypes, IsRoleName } from '../../http/validators.js';
import { WaitSeconds } from '../../http/wait-seconds.js';

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

  @WaitSeconds('Maximum time to wait, in seconds.', { byDefault: 25 })
  wait_seconds: number = 25;
}

@ApiSchema({ description: 'The number of tasks that can be claimed.' })
export class DueTasksDto {
  @ApiProperty({
    type: 'integer',
    description: 'Number of tasks that are due. 100 means 100 or more.',
    example: 1,
  })
  pending: number;
}
