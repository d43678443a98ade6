import type { Request, RequestHandler } from 'express';
import ipaddr from 'ipaddr.js';
import { developmentToken } from '../auth/development-token.js';
import { usableRoles } from '../auth/roles.js';
import { signingSecret } from '../auth/signing-secret.js';
import { isRecord } from '../common/is-record.js';
import { isLoopback } from '../common/loopback.js';
import { NAME, toNfc } from '../common/names.js';
import type { Environment } from '../config/environment.js';
import { DomainError, type InputProblem, InvalidInputError } from '../errors/domain-error.js';

const SUBJECT = /^\P{Cc}{1,255}$/u;
const MAX_ROLES = 20;

/** Whether the console issues development tokens: outside of production, without an identity provider. */
export function issuesDevelopmentTokens({ NODE_ENV, OIDC_JWKS_URL }: Environment): boolean {
  return NODE_ENV !== 'production' && OIDC_JWKS_URL.length === 0;
}

/**
 * Issues the development token of a person with the roles that the request names. Anyone who reaches it can act for any
 * role, so it accepts requests of this machine only, also through a web page: its host must be the loopback interface.
 */
export function developmentSignIn(environment: Environment): RequestHandler {
  return (request, response) => {
    if (!isLocal(request)) {
      throw new DomainError(
        'auth.forbidden',
        'Development tokens are issued to requests of the same machine only. Use the output of: npm run token -- <role>',
      );
    }
    const { roles, name } = parseBody(request.body, environment);
    const token = developmentToken(signingSecret(environment), {
      roles,
      sub: name ?? `${roles[0] ?? ''}-person`,
      human: true,
      issuer: environment.OIDC_ISSUER_URL[0],
      audience: environment.OIDC_AUDIENCE[0],
    });
    response.status(201).json({ token });
  };
}

/** A header of a proxy means that the client can be on another machine. */
function isLocal({ socket, headers, hostname }: Request): boolean {
  const isForwarded = 'x-forwarded-for' in headers || 'forwarded' in headers || 'via' in headers;
  const { remoteAddress = '' } = socket;
  const isNear =
    ipaddr.isValid(remoteAddress) && ipaddr.process(remoteAddress).range() === 'loopback';
  return isNear && !isForwarded && isLoopback(hostname);
}

function parseBody(
  body: unknown,
  { ROLES }: Environment,
): { roles: string[]; name: string | undefined } {
  const { roles: named, name, ...others } = isRecord(body) ? body : {};
  const roles = Array.isArray(named) ? named.filter(isText).map(toNfc) : [];
  const problems: InputProblem[] = Object.keys(others).map((member) => ({
    pointer: `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    message: 'is not a member of the request',
  }));
  const areNames = Array.isArray(named) && roles.length === named.length && roles.every(isName);
  if (!areNames || roles.length < 1 || roles.length > MAX_ROLES)
    problems.push({ pointer: '/roles', message: 'roles must be a list of 1 to 20 role names' });
  else if (usableRoles(roles, ROLES).length < roles.length)
    problems.push({
      pointer: '/roles',
      message: 'roles must be different, listed in ROLES if it is set, and not "system"',
    });
  const isNameValid = name === undefined || (isText(name) && SUBJECT.test(name));
  if (!isNameValid)
    problems.push({
      pointer: '/name',
      message: 'name must have 1 to 255 characters without control characters',
    });
  if (problems.length > 0) throw new InvalidInputError(problems);
  return { roles, name: isText(name) ? name : undefined };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isName = (role: string): boolean => NAME.test(role);
