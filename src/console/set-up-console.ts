import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { type RequestHandler, Router } from 'express';
import type { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { jsonBody } from '../http/json-body.js';
import { methodNotAllowed } from '../http/route-not-found.filter.js';
import { VERSION } from '../version.js';
import { type ConsoleBuild, readConsoleBuild, renderPage, serveAssets } from './console-files.js';
import { consolePolicy } from './console-policy.js';
import { developmentSignIn, issuesDevelopmentTokens } from './development-sign-in.js';

const NONCE_BYTES = 16;

/**
 * Serves the console at `/console`, without a token: its pages call the API with the token of the person. Every path
 * below it that names no file is a page, so that links to pages work.
 */
export function setUpConsole(app: NestExpressApplication, environment: Environment): void {
  const build = readConsoleBuild();
  if (!build) {
    new Logger('Console').warn(
      'The console is not built, so /console is not served. Run: npm run build',
    );
    return;
  }
  const router = Router({ strict: true, caseSensitive: true });
  if (issuesDevelopmentTokens(environment)) {
    router.post('/development-token', ...jsonBody(), developmentSignIn(environment));
  }
  router.use(onlyReads);
  router.get('/config.json', (_request, response) => {
    response.json(consoleConfig(environment));
  });
  router.use('/assets', serveAssets(build));
  router.use(servePage(build, environment));
  app.use('/console', router);
}

/** How a person can sign in. The page reads it before it shows anything. */
function consoleConfig(environment: Environment): unknown {
  const { OIDC_CONSOLE_CLIENT_ID: client_id, OIDC_CONSOLE_SCOPE: scope } = environment;
  const [authority] = environment.OIDC_ISSUER_URL;
  return {
    version: VERSION,
    oidc: client_id === undefined ? null : { authority, client_id, scope },
    dev_token: issuesDevelopmentTokens(environment),
  };
}

const onlyReads: RequestHandler = ({ method, path }, _response, next) => {
  if (method === 'GET' || method === 'HEAD') next();
  else if (path === '/development-token')
    throw new DomainError('request.route_not_found', 'Development tokens are not available here.');
  else throw methodNotAllowed('GET, HEAD');
};

function servePage(build: ConsoleBuild, environment: Environment): RequestHandler {
  const { OIDC_CONSOLE_CLIENT_ID, OIDC_ISSUER_URL, publicPath } = environment;
  const issuer = OIDC_CONSOLE_CLIENT_ID === undefined ? undefined : OIDC_ISSUER_URL[0];
  return (_request, response) => {
    const nonce = randomBytes(NONCE_BYTES).toString('base64');
    response
      .set('Content-Security-Policy', consolePolicy(nonce, issuer))
      .type('html')
      .send(renderPage(build, nonce, publicPath));
  };
}
