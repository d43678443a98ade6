import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Express } from 'express';
import { A2A_JSON, a2aErrors, mayWait } from './a2a/a2a-path.js';
import { AuthenticationService } from './auth/authentication.service.js';
import { Environment } from './config/environment.js';
import { setUpConsole } from './console/set-up-console.js';
import { allowOrigins } from './http/cors.js';
import { PUBLIC_PATH } from './errors/problem.filter.js';
import { patchInterceptorsConsumer } from './http/promise-interceptor.js';
import { HttpAdapter, limitTimes } from './http/http-adapter.js';
import { jsonBody } from './http/json-body.js';
import { noStore } from './http/no-store.js';
import { securityHeaders } from './http/security-headers.js';
import { rejectDuplicates } from './http/reject-duplicates.js';
import { trace } from './http/trace.js';
import { AdmissionService } from './limits/admission.service.js';
import { closeWhileStopping } from './limits/close-while-stopping.js';
import { limitRequests } from './limits/limit-requests.js';
import { ShutdownService } from './limits/shutdown.service.js';
import { tokenBeforeBody } from './limits/token-before-body.js';
import { MetricsService } from './observability/metrics.service.js';
import { requestLog } from './observability/request-log.js';
import { redirectToDocs, setUpApiDocs } from './swagger-ui.js';

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
  const admission = app.get(AdmissionService);
  const server: Express = app.getHttpAdapter().getInstance();
  server.disable('x-powered-by');
  server.disable('etag');
  server.set('query parser', 'simple');
  server.set('trust proxy', environment.TRUST_PROXY);
  server.set(PUBLIC_PATH, environment.publicPath);
  limitTimes(app.getHttpServer(), environment);
  app.use(
    trace,
    requestLog(app.get(MetricsService)),
    securityHeaders(),
    noStore,
    closeWhileStopping(app.get(ShutdownService)),
    limitRequests(admission, mayWait),
    rejectDuplicates,
  );
  allowOrigins(app, environment.CORS_ORIGINS);
  if (environment.CONSOLE_ENABLED) setUpConsole(app, environment);
  app.use(tokenBeforeBody(app.get(AuthenticationService), admission), ...jsonBody(A2A_JSON));
  if (environment.A2A_ROLES.length > 0) app.use(a2aErrors);
  if (!environment.API_DOCS_ENABLED) return;
  if (environment.NODE_ENV === 'development') app.use(redirectToDocs(environment.publicPath));
  setUpApiDocs(app, environment);
}
