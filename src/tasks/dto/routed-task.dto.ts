import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { withPrefix } from '../../common/ids.js';
import { WarningDto } from '../../http/warnings.js';
import type { Task } from '../task.entity.js';

const TASK = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';
const TRACE = '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c';

@ApiSchema({ description: 'Response to a routed task. The member names are those of v0.4.' })
export class RoutedTaskDto {
  @ApiProperty({ description: 'Id of the task, with its prefix.', example: `task-${TASK}` })
  task_id: string;

  @ApiProperty({
    enum: ['accepted'],
    description: 'Always `accepted`. `GET /tasks/{id}` returns the status of the task.',
    example: 'accepted',
  })
  status: 'accepted';

  @ApiProperty({ format: 'uuid', description: 'Trace of the workflow.', example: TRACE })
  trace_id: string;

  @ApiPropertyOptional({
    type: [WarningDto],
    description:
      'Probable mistakes of the request, which was accepted nevertheless. Absent if there are none.',
  })
  warnings?: readonly WarningDto[];
}

/** Maps a routed task to the response of `POST /tasks/route`. */
export function toRoutedTask(
  { id, trace_id }: Pick<Task, 'id' | 'trace_id'>,
  warnings: readonly WarningDto[],
): RoutedTaskDto {
  return {
    task_id: withPrefix('task', id),
    status: 'accepted',
    trace_id,
    ...(warnings.length > 0 && { warnings }),
  };
}
