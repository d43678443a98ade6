import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Express } from 'express';
import helmet from 'helmet';
import { setUpApiDocs } from './api-docs.js';
import { Environment } from './config/environment.js';
import { jsonBody } from './http/json-body.js';
import { methodNotAllowed } from './http/method-not-allowed.js';
import { noStore } from './http/no-store.js';
import { trace } from './http/trace.js';
import { Metrics } from './observability/metrics.js';
import { requestLog } from './observability/request-log.js';

/** What Nest is to leave to {@link configureApp}. */
export const APP_OPTIONS = { bodyParser: false, bufferLogs: true, abortOnError: false } as const;

/** Everything about HTTP that production and the end-to-end tests share. */
export function configureApp(app: NestExpressApplication): void {
  const environment = app.get(Environment);
  const server: Express = app.getHttpAdapter().getInstance();
  server.disable('x-powered-by');
  server.disable('etag');
  server.set('query parser', 'simple');
  server.set('trust proxy', environment.TRUST_PROXY);
  app.use(
    trace,
    requestLog(app.get(Metrics)),
    helmet(),
    noStore,
    methodNotAllowed(server),
    ...jsonBody(),
  );
  if (environment.API_DOCS_ENABLED) setUpApiDocs(app);
}
