import { ApiParam } from '@nestjs/swagger';
import { idPattern } from '../common/ids.js';

/** Documents the path parameter `id` of a task. */
export function ApiTaskId(): MethodDecorator & ClassDecorator {
  return ApiParam({
    name: 'id',
    description: 'Id of the task, bare or with its prefix.',
    schema: {
      type: 'string',
      pattern: idPattern('task'),
      example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
    },
  });
}
