import { applyDecorators, type Type } from '@nestjs/common';
import { ApiHeader, ApiOkResponse } from '@nestjs/swagger';

/**
 * Documents the header `Idempotency-Key`.
 *
 * @param replay the body of a replay, if the status of the first response is not 200
 */
export function ApiIdempotencyKey(replay?: Type): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Makes a retry safe: requests with the same key and content are executed once, and a retry receives 200 with `Idempotent-Replayed: true`. 1 to 255 visible ASCII characters without commas.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ...(replay
      ? [
          ApiOkResponse({
            type: replay,
            description:
              'Replay of a request with the same `Idempotency-Key`: the first response, byte for byte.',
          }),
        ]
      : []),
  );
}
