import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ProblemDto } from './errors/problem.dto.js';
import { CloudEventDto } from './events/dto/cloud-event.dto.js';
import { declareHeaders } from './openapi/headers.js';
import { outgoingWebhooks } from './openapi/outgoing-webhooks.js';
import { shareProblems } from './openapi/problems.js';
import { listExamples } from './openapi/schema-examples.js';
import { nameSchemas } from './openapi/schema-names.js';
import { addTags } from './openapi/tags.js';
import { VERSION } from './version.js';

/** The description of the security scheme: how to get a token. */
const TOKENS =
  'A JWT of the identity provider (`OIDC_ISSUER_URL`), for example by the OAuth 2.0 client credentials grant. Its claims contain the roles. ' +
  'In development, `npm run token -- finance` prints a token that is valid for 8 hours; further arguments are further roles, such as `manager` or `admin`.';

/** URL of a controller with the default settings, for the documents in `docs`: linters accept no relative URL. */
export const DEFAULT_URL = 'http://localhost:8088';

/** Path of the AsyncAPI document. */
export const ASYNC_API_PATH = '/api-docs/asyncapi.json';

/**
 * Returns the OpenAPI document of the application.
 *
 * @param publicUrl the server of the document; undefined: the host that serves it
 */
export function createApiDocument(app: INestApplication, publicUrl?: string): OpenAPIObject {
  const asyncApi = asyncApiLink(publicUrl ?? DEFAULT_URL);
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.1')
    .setTitle('Agent Mesh Controller')
    .setDescription(
      'The AI agents of an enterprise’s org roles route tasks and request approvals here; an audit log records each step.\n\n' +
        'To try an operation, get a token with `npm run token -- finance`, press **Authorize** and paste it. Replace the ids of the examples by those of your own tasks. ' +
        'Every response has the header `X-Trace-Id`. Send it with further requests to connect them as one workflow. ' +
        'An error is a problem document (RFC 9457): branch on its `code`.',
    )
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .setExternalDoc(asyncApi.description, asyncApi.url)
    .addServer(publicUrl?.replace(/\/+$/, '') ?? '/', 'This controller')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: TOKENS });
  addTags(builder);
  const config = { ...builder.build(), webhooks: outgoingWebhooks(CloudEventDto.name) };
  const document = SwaggerModule.createDocument(app, config, {
    extraModels: [ProblemDto, CloudEventDto],
  });
  // A copy, because operations share the objects of decorators.
  const copy = JSON.parse(JSON.stringify(document)) as OpenAPIObject;
  return nameSchemas(listExamples(declareHeaders(shareProblems(copy))));
}

/** Returns the document with the link to the AsyncAPI document of the controller at a URL. */
export function linkAsyncApi(document: OpenAPIObject, url: string): OpenAPIObject {
  return { ...document, externalDocs: asyncApiLink(url) };
}

function asyncApiLink(url: string): { description: string; url: string } {
  return {
    description: 'AsyncAPI document of the event stream and the webhooks',
    url: `${url.replace(/\/+$/, '')}${ASYNC_API_PATH}`,
  };
}
