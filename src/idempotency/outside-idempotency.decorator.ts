import { SetMetadata } from '@nestjs/common';

export const OUTSIDE_IDEMPOTENCY = 'idempotency:outside';

/** Marks a route that is not one request but carries many: its own requests bring their keys. */
export const OutsideIdempotency = (): MethodDecorator => SetMetadata(OUTSIDE_IDEMPOTENCY, true);
