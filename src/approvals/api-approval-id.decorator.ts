import { ApiParam } from '@nestjs/swagger';
import { idPattern } from '../common/ids.js';

/** Documents the path parameter `id` of an approval. */
export function ApiApprovalId(): MethodDecorator & ClassDecorator {
  return ApiParam({
    name: 'id',
    description: 'Id of the approval, bare or with its prefix.',
    schema: {
      type: 'string',
      pattern: idPattern('approval'),
      example: 'approval-019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c',
    },
  });
}
