import type { NestExpressApplication } from '@nestjs/platform-express';

/** Lets the scripts of these web origins call. Tokens travel in a header, so no credentials are allowed for. */
export function allowOrigins(app: NestExpressApplication, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.enableCors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'Mcp-Method',
      'Mcp-Name',
      'Mcp-Protocol-Version',
      'Mcp-Session-Id',
      'X-Trace-Id',
      'traceparent',
    ],
    exposedHeaders: [
      'ETag',
      'Idempotency-Key',
      'Idempotent-Replayed',
      'Mcp-Session-Id',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'WWW-Authenticate',
      'X-Trace-Id',
    ],
    maxAge: 600,
  });
}
