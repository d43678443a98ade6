import { applyDecorators, type Type } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiResponse } from '@nestjs/swagger';

const ETAG = {
  ETag: {
    description: 'Entity tag of this state, for `If-None-Match`.',
    schema: { type: 'string' as const, pattern: '^W/"[^"]+"$' },
  },
};

/** Documents the response of a GET route with a weak entity tag, and its header `If-None-Match`. */
export function ApiRevalidation(type: Type, description: string): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'If-None-Match',
      required: false,
      description:
        '`ETag` of the state that you have. The response is 304 if the state is still the same.',
      schema: { type: 'string' },
    }),
    ApiOkResponse({ type, description, headers: ETAG }),
    ApiResponse({
      status: 304,
      description: 'The state is still that of `If-None-Match`.',
      headers: ETAG,
    }),
  );
}
