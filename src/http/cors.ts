import type { NestExpressApplication } from '@nestjs/platform-express';

/** Allows requests from web pages of these origins. Credentials stay disabled, because tokens are sent in a header. */
export function allowOrigins(app: NestExpressApplication, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.enableCors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'If-None-Match',
      'Last-Event-ID',
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
      'Location',
      'Mcp-Session-Id',
      'Mesh-Audit-Head',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'Role-Paused',
      'WWW-Authenticate',
      'X-Trace-Id',
    ],
    maxAge: 600,
  });
}
