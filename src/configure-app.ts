import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Express } from 'express';
import { setUpApiDocs } from './api-docs.js';
import { Environment } from './config/environment.js';
import { allowOrigins } from './http/cors.js';
import { callDirectly } from './http/direct-interceptor.js';
import { HttpAdapter } from './http/http-adapter.js';
import { jsonBody } from './http/json-body.js';
import { noStore } from './http/no-store.js';
import { securityHeaders } from './http/security-headers.js';
import { strictRequest } from './http/strict-request.js';
import { trace } from './http/trace.js';
import { addressLimit } from './limits/address-limit.js';
import { Load } from './limits/load.service.js';
import { RateLimits } from './limits/rate-limits.service.js';
import { shedLoad } from './limits/shed-load.js';
import { Metrics } from './observability/metrics.js';
import { requestLog } from './observability/request-log.js';

/** Options of the Nest application. {@link configureApp} registers the body parser. */
export const APP_OPTIONS = { bodyParser: false, bufferLogs: true, abortOnError: false } as const;

/** Creates the HTTP adapter of the Nest application. */
export const newHttpAdapter = (): HttpAdapter => new HttpAdapter();

/** Configures HTTP for production and for the end-to-end tests. */
export function configureApp(app: NestExpressApplication): void {
  callDirectly();
  const environment = app.get(Environment);
  const server: Express = app.getHttpAdapter().getInstance();
  server.disable('x-powered-by');
  server.disable('etag');
  server.set('query parser', 'simple');
  server.set('trust proxy', environment.TRUST_PROXY);
  app.use(
    trace,
    requestLog(app.get(Metrics)),
    securityHeaders(),
    noStore,
    shedLoad(app.get(Load)),
    addressLimit(app.get(RateLimits)),
    strictRequest,
  );
  allowOrigins(app, environment.CORS_ORIGINS);
  app.use(...jsonBody());
  if (environment.API_DOCS_ENABLED) setUpApiDocs(app);
}
