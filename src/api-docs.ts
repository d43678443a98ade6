import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { createAsyncApiDocument } from './async-api-docs.js';
import { DomainError } from './errors/domain-error.js';
import { assetsInMemory } from './http/assets.js';
import { ProblemDto } from './errors/problem.dto.js';
import { declareHeaders } from './openapi/headers.js';
import { nameSchemas } from './openapi/schema-names.js';
import { VERSION } from './version.js';

/** The tags in the order of a workflow. */
const TAGS = [
  ['Identity', 'Read the roles that your token permits you to act for.'],
  ['Tasks', 'Route a task to a role, and follow its progress.'],
  ['Roles', 'Pause a role, so that no agent claims its tasks, and resume it.'],
  [
    'Sessions',
    'Read and change runs of agents: pending, active, then completed, failed or expired.',
  ],
  ['Approvals', 'Request a decision from a role, or decide.'],
  ['Audit', 'Read the audit log: each event with its actor, in order.'],
  ['Events', 'Follow the audit log as it grows: page by page, by waiting, or as a stream.'],
  ['Webhooks', 'Send events to your own endpoints, signed and at least once.'],
  ['Idempotency', 'Read the outcome of requests that carried an idempotency key.'],
  ['MCP', 'Use the same operations as tools of the Model Context Protocol.'],
  ['Health', 'Monitor the service.'],
] as const;

const ASYNC_API_PATH = '/api-docs/asyncapi.json';

/** Returns the OpenAPI document of the application, with its public URL as the server. */
export function createApiDocument(app: INestApplication, publicUrl = '/'): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Agent Mesh Controller')
    .setDescription(
      'The AI agents of an enterprise’s org roles route tasks and request approvals here; an audit log records each step. ' +
        'To try a route, press **Authorize** and paste a token. ' +
        'Every response has the header `X-Trace-Id`. Send it with further requests to connect them as one workflow.',
    )
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer(publicUrl.replace(/(.)\/+$/, '$1'), 'This controller')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' });
  builder.setExternalDoc(
    'AsyncAPI document of the event stream and the webhooks',
    `${publicUrl.replace(/\/+$/, '')}${ASYNC_API_PATH}`,
  );
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    extraModels: [ProblemDto],
  });
  return nameSchemas(declareHeaders(document));
}

/**
 * Serves Swagger UI at `/docs`, and the documents at `/api-docs/openapi.json` and `/api-docs/asyncapi.json`, without
 * authentication.
 */
export function setUpApiDocs(app: INestApplication, publicUrl: string | undefined): void {
  let asyncApi: object | undefined;
  app.getHttpAdapter().get(ASYNC_API_PATH, (_request, response: Response) => {
    asyncApi ??= createAsyncApiDocument(createApiDocument(app, publicUrl), publicUrl);
    response.json(asyncApi);
  });
  app.use('/docs', onlyAssetsOfPage, swaggerUiPolicy, assetsInMemory(swaggerUiFolder(), FILES));
  SwaggerModule.setup('docs', app, () => createApiDocument(app, publicUrl), {
    jsonDocumentUrl: 'api-docs/openapi.json',
    yamlDocumentUrl: 'api-docs/openapi.yaml',
    customSiteTitle: 'Agent Mesh Controller',
    swaggerOptions: {
      persistAuthorization: true,
      displayRequestDuration: true,
      tryItOutEnabled: true,
    },
  });
}

/** Files of the package `swagger-ui-dist`. */
const FILES = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js',
  'favicon-16x16.png',
  'favicon-32x32.png',
];

/** Folder of Swagger UI, a dependency of `@nestjs/swagger`. */
function swaggerUiFolder(): string {
  const swagger = createRequire(import.meta.url).resolve('@nestjs/swagger');
  return dirname(createRequire(swagger).resolve('swagger-ui-dist/package.json'));
}

const PAGE_PATHS = new Set(['/', '/swagger-ui-init.js', ...FILES.map((name) => `/${name}`)]);

/** Swagger serves the whole folder of its package; the page needs these files only. */
const onlyAssetsOfPage: RequestHandler = ({ path }, _response, next) => {
  if (!PAGE_PATHS.has(path))
    throw new DomainError('request.route_not_found', 'There is no such route.');
  next();
};

const relaxed = helmet({
  contentSecurityPolicy: {
    directives: { scriptSrc: ["'self'", "'unsafe-inline'"], upgradeInsecureRequests: null },
  },
});

/** Swagger UI requires an inline script. */
function swaggerUiPolicy(request: Request, response: Response, next: NextFunction): void {
  relaxed(request, response, next);
}
