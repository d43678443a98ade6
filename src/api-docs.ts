import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { DomainError } from './errors/domain-error.js';
import { ProblemDto } from './errors/problem.dto.js';
import { VERSION } from './version.js';

/** The tags in the order of a workflow. */
const TAGS = [
  ['Who am I', 'Which roles your token lets you act for.'],
  ['Tasks', 'Ask a role for something, and follow what becomes of it.'],
  ['Sessions', 'An agent’s run: pending, active, then completed, failed or expired.'],
  ['Approvals', 'Ask a role for a decision; give one.'],
  ['Audit', 'What happened, by whom, in which order.'],
  ['Idempotency', 'What became of requests that carried a key.'],
  ['MCP', 'The same as tools, for agents that speak the Model Context Protocol.'],
  ['Health', 'For those who run the service.'],
] as const;

/** The OpenAPI document of the application's routes. */
export function createApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Agent Mesh Controller')
    .setDescription(
      'Where the AI agents of an enterprise’s org roles route tasks, ask for approvals and leave an audit trail. ' +
        'Press **Authorize** and paste a token to try things here. ' +
        'Every answer carries an `X-Trace-Id`; send one to tie the requests of a workflow together.',
    )
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This controller')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' });
  for (const [name, description] of TAGS) builder.addTag(name, description);
  return SwaggerModule.createDocument(app, builder.build(), {
    extraModels: [ProblemDto],
    operationIdFactory: (controller, method) => `${controller.replace('Controller', '')}_${method}`,
  });
}

/** Serves Swagger UI at `/docs` and the document at `/api-docs/openapi.json`, to anyone. */
export function setUpApiDocs(app: INestApplication): void {
  app.use('/docs', onlyAssetsOfPage, swaggerUiPolicy);
  SwaggerModule.setup('docs', app, () => createApiDocument(app), {
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

const ASSETS = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js',
  'swagger-ui-init.js',
  'favicon-16x16.png',
  'favicon-32x32.png',
];

const PAGE_PATHS = new Set(['/', ...ASSETS.map((name) => `/${name}`)]);

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

/** Swagger UI starts itself with an inline script. */
function swaggerUiPolicy(request: Request, response: Response, next: NextFunction): void {
  relaxed(request, response, next);
}
