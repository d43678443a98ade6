import { applyDecorators, type Type } from '@nestjs/common';
import { ApiHeader, ApiOkResponse } from '@nestjs/swagger';

const REPLAYED = {
  'Idempotent-Replayed': {
    description:
      '`true`: the key was used before, this is the first answer again, nothing was done.',
    schema: { type: 'string' as const, enum: ['true'] },
  },
};

/**
 * Documents the header that makes a retry safe.
 *
 * @param replay what a retry is answered with, where the first answer is not a 200
 */
export function ApiIdempotencyKey(replay?: Type): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Makes a retry safe: the same key with the same request happens once, and the retry is answered 200 with `Idempotent-Replayed: true`. 1 to 255 visible ASCII characters without commas.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ...(replay
      ? [
          ApiOkResponse({
            type: replay,
            description:
              'A retry with the same `Idempotency-Key`: the first answer, byte for byte.',
            headers: REPLAYED,
          }),
        ]
      : []),
  );
}
