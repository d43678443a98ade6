import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Express } from 'express';
import { setUpApiDocs } from './api-docs.js';
import { Environment } from './config/environment.js';
import { allowOrigins } from './http/cors.js';
import { patchInterceptorsConsumer } from './http/promise-interceptor.js';
import { HttpAdapter } from './http/http-adapter.js';
import { jsonBody } from './http/json-body.js';
import { noStore } from './http/no-store.js';
import { securityHeaders } from './http/security-headers.js';
import { rejectDuplicates } from './http/reject-duplicates.js';
import { trace } from './http/trace.js';
import { addressLimit } from './limits/address-limit.js';
import { LoadShedderService } from './limits/load-shedder.service.js';
import { RateLimitsService } from './limits/rate-limits.service.js';
import { shedLoad } from './limits/shed-load.js';
import { MetricsService } from './observability/metrics.service.js';
import { requestLog } from './observability/request-log.js';

/** Options of the Nest application. {@link configureApp} registers the body parser. */
export const APP_OPTIONS = { bodyParser: false, bufferLogs: true, abortOnError: false } as const;

/** Creates the HTTP adapter of the Nest application. */
export const newHttpAdapter = (
  environment: Pick<Environment, 'MAX_HEADER_BYTES'> = new Environment(),
): HttpAdapter => new HttpAdapter(environment.MAX_HEADER_BYTES);

/** Configures HTTP for production and for the end-to-end tests. */
export function configureApp(app: NestExpressApplication): void {
  patchInterceptorsConsumer();
  const environment = app.get(Environment);
  const server: Express = app.getHttpAdapter().getInstance();
  server.disable('x-powered-by');
  server.disable('etag');
  server.set('query parser', 'simple');
  server.set('trust proxy', environment.TRUST_PROXY);
  app.use(
    trace,
    requestLog(app.get(MetricsService)),
    securityHeaders(),
    noStore,
    shedLoad(app.get(LoadShedderService)),
    addressLimit(app.get(RateLimitsService)),
    rejectDuplicates,
  );
  allowOrigins(app, environment.CORS_ORIGINS);
  app.use(...jsonBody());
  if (environment.API_DOCS_ENABLED) setUpApiDocs(app);
}
