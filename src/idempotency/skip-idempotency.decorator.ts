import { SetMetadata } from '@nestjs/common';

export const SKIP_IDEMPOTENCY = 'idempotency:outside';

/** Marks a route that is not one request but carries many: its own requests bring their keys. */
export const SkipIdempotency = (): MethodDecorator => SetMetadata(SKIP_IDEMPOTENCY, true);
