import { SetMetadata } from '@nestjs/common';

export const SKIP_IDEMPOTENCY = 'idempotency:outside';

/** Marks a route whose idempotency keys are in its body, such as `/mcp`. The header has no effect there. */
export const SkipIdempotency = (): MethodDecorator => SetMetadata(SKIP_IDEMPOTENCY, true);
