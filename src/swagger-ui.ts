import { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { ASYNC_API_PATH, createApiDocument, DEFAULT_URL, linkAsyncApi } from './api-docs.js';
import { createAsyncApiDocument } from './async-api-docs.js';
import type { Environment } from './config/environment.js';
import { DomainError } from './errors/domain-error.js';
import { assetsInMemory } from './http/assets.js';
import { publicUrl } from './http/public-url.js';

/**
 * Serves Swagger UI at `/docs`, and the documents at `/api-docs/openapi.json` and `/api-docs/asyncapi.json`, without
 * authentication. They contain `PUBLIC_URL`, else the URL that they were requested at.
 */
export function setUpApiDocs(app: INestApplication, environment: Environment): void {
  let cached: OpenAPIObject | undefined;
  const apiDocument = (): OpenAPIObject =>
    (cached ??= createApiDocument(app, environment.PUBLIC_URL));
  const urlOf = (request: Request): string => publicUrl(environment, request) ?? DEFAULT_URL;
  app.getHttpAdapter().get(ASYNC_API_PATH, (request: Request, response: Response) => {
    response.json(createAsyncApiDocument(apiDocument(), urlOf(request)));
  });
  app.use('/docs', onlyAssetsOfPage, swaggerUiPolicy, assetsInMemory(swaggerUiFolder(), FILES));
  SwaggerModule.setup('docs', app, apiDocument, {
    jsonDocumentUrl: 'api-docs/openapi.json',
    yamlDocumentUrl: 'api-docs/openapi.yaml',
    patchDocumentOnRequest: (request, _response, document) =>
      isRequest(request) ? linkAsyncApi(document, urlOf(request)) : document,
    customSiteTitle: 'Agent Mesh Controller',
    customCss: ERROR_ROWS,
    swaggerOptions: {
      requestInterceptor: acceptBoth,
      persistAuthorization: true,
      displayRequestDuration: true,
      tryItOutEnabled: true,
    },
  });
}

/** Swagger leaves the type of the request open, because it depends on the HTTP adapter. */
function isRequest(value: unknown): value is Request {
  return value instanceof IncomingMessage && 'protocol' in value;
}

/** Shows each error response of an operation as one row: their bodies are all problem documents. */
const ERROR_ROWS = ['4', '5']
  .map(
    (digit) =>
      `.response[data-code^="${digit}"] .response-col_description > :not(.response-col_description__inner)`,
  )
  .map((selector) => `.responses-wrapper .responses-inner > div > .responses-table ${selector}`)
  .join(', ')
  .concat(' { display: none; }');

/**
 * Accepts both media types of MCP for `POST /mcp`, because Swagger UI does not send a parameter `Accept`. Runs in the
 * browser, so it uses nothing outside of itself.
 */
function acceptBoth<R extends { url: string; headers: Record<string, string> }>(request: R): R {
  if (request.url.endsWith('/mcp')) {
    delete request.headers.accept;
    request.headers.Accept = 'application/json, text/event-stream';
  }
  return request;
}

/** Redirects `/` to Swagger UI, so that the URL of a controller in development shows something. */
export function redirectToDocs(publicPath: string): RequestHandler {
  return ({ method, path }, response, next) => {
    if (path === '/' && (method === 'GET' || method === 'HEAD'))
      response.redirect(302, `${publicPath}/docs`);
    else next();
  };
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
