import { applyDecorators, type Type } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  type ApiResponseSchemaHost,
  getSchemaPath,
} from '@nestjs/swagger';

/**
 * Documents the header `Idempotency-Key`.
 *
 * @param replay the possible bodies of a replay, if the status of the first response is not 200
 */
export function ApiIdempotencyKey(...replay: readonly Type[]): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Makes a retry safe: requests with the same key and content are executed once, and a retry receives 200 with `Idempotent-Replayed: true`. 1 to 255 visible ASCII characters without commas.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ...(replay.length > 0
      ? [
          ApiExtraModels(...replay),
          ApiOkResponse({
            ...schemaOf(replay.map((body) => ({ $ref: getSchemaPath(body) }))),
            description:
              'Replay of a request with the same `Idempotency-Key`: the first response, byte for byte.',
          }),
        ]
      : []),
  );
}

function schemaOf([first, ...others]: readonly { $ref: string }[]): Pick<
  ApiResponseSchemaHost,
  'schema'
> {
  if (!first) return { schema: {} };
  return { schema: others.length === 0 ? first : { oneOf: [first, ...others] } };
}
