import { type CustomDecorator, SetMetadata } from '@nestjs/common';

export const IS_PUBLIC = 'isPublic';

/** Marks a route, or every route of a controller, as open to callers without a token. */
export function Public(): CustomDecorator {
  return SetMetadata(IS_PUBLIC, true);
}
