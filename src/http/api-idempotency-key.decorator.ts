import { applyDecorators } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';

/** Documents the header that makes a retry safe. */
export function ApiIdempotencyKey(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Makes a retry safe: the same key with the same request happens once. 1 to 255 printable ASCII characters.',
      schema: { type: 'string', maxLength: 255, example: '3f1d2c4b-5a69-4788-8796-a5b4c3d2e1f0' },
    }),
  );
}
