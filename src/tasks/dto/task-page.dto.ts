import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { PageDto } from '../../http/page.dto.js';
import { TaskDto } from './task.dto.js';

@ApiSchema({ description: 'A page of tasks.' })
export class TaskPageDto extends PageDto {
  @ApiProperty({
    type: [TaskDto],
    description: 'Tasks, newest first; in an inbox by priority, then age.',
  })
  tasks: TaskDto[];
}
