import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createClient } from '@agent-mesh/client';
import { type Context, contextOf } from '../context.js';
import type { StoredLogin } from '../credentials-store.js';
import { usageError } from '../failure.js';
import { readSecret } from '../input.js';
import { discoverIssuer } from '../issuer.js';
import { type DeviceCode, deviceLogin } from '../oauth.js';
import { fields } from '../output.js';
import { findTokenSource } from '../token-source.js';

interface LoginOptions {
  readonly tokenStdin?: boolean;
  readonly tokenFile?: string;
  readonly clientId?: string;
  readonly clientSecretFile?: string;
  readonly issuer?: string;
  readonly scope?: string;
  readonly audience?: string;
}

const DEFAULT_CLIENT = 'mesh-cli';
/** `offline_access` asks for a refresh token. */
const DEFAULT_SCOPE = 'openid offline_access';

export function addLoginCommands(program: Command): void {
  program
    .command('login')
    .description(
      'Sign in to a controller and store the login: in the browser (device flow), with a token, or with client credentials.',
    )
    .option('--token-stdin', 'read a token from standard input and store it')
    .option('--token-file <file>', 'store the path of a token file, which is read for each request')
    .option('--client-id <id>', `client id at the identity provider (default: ${DEFAULT_CLIENT})`)
    .option(
      '--client-secret-file <file>',
      'use client credentials with the secret in this file; - is standard input',
    )
    .option('--issuer <url>', 'the identity provider (default: the one that the controller names)')
    .option('--scope <scope>', `scope to request (default for the device flow: ${DEFAULT_SCOPE})`)
    .option('--audience <audience>', 'audience to request with client credentials')
    .action(async (options: LoginOptions, command: Command) => {
      const context = contextOf(command);
      const login = await toLogin(context, options);
      await verify(context, login);
    });

  program
    .command('logout')
    .description('Remove the stored login.')
    .action((_: object, command: Command) => {
      const { out, store, url } = contextOf(command);
      const removed = store.remove(url);
      out.result({ url, removed }, () =>
        removed ? `Removed the login for ${url}.` : `There was no login for ${url}.`,
      );
    });

  program
    .command('whoami')
    .description('Show the subject and the roles of the token.')
    .action(async (_: object, command: Command) => {
      const context = contextOf(command);
      const me = await context.mesh.me();
      context.out.result({ ...me, url: context.url }, () =>
        fields({
          subject: me.subject,
          roles: me.roles.join(', '),
          'default role': me.acting_role,
          kind: me.kind,
          controller: context.url,
          token: findTokenSource(context.url, context.store)?.description,
        }),
      );
    });
}

async function toLogin(context: Context, options: LoginOptions): Promise<StoredLogin> {
  const { tokenStdin, tokenFile, clientSecretFile, scope, audience } = options;
  const ways = [tokenStdin, tokenFile, clientSecretFile].filter((way) => way !== undefined);
  if (ways.length > 1)
    throw usageError('Use one of --token-stdin, --token-file and --client-secret-file.');
  if (tokenStdin === true) return { kind: 'token', token: readSecret('-') };
  if (tokenFile !== undefined) return { kind: 'file', file: resolve(tokenFile) };
  const { clientId = DEFAULT_CLIENT, issuer = await discoverIssuer(context.url) } = options;
  if (clientSecretFile !== undefined)
    return {
      kind: 'client',
      issuer,
      clientId,
      clientSecret: readSecret(clientSecretFile),
      scope,
      audience,
    };
  const tokens = await deviceLogin({ issuer, clientId, scope: scope ?? DEFAULT_SCOPE }, announce);
  return { kind: 'device', issuer, clientId, tokens };
}

/** The code goes to standard error, because standard output carries the result. */
function announce({ userCode, verificationUri, verificationUriComplete }: DeviceCode): void {
  const complete = verificationUriComplete ? `\nor open ${verificationUriComplete}` : '';
  process.stderr.write(`Open ${verificationUri} and enter the code ${userCode}${complete}\n`);
}

/** Stores the login if the controller accepts its token. */
async function verify({ out, store, url }: Context, login: StoredLogin): Promise<void> {
  const previous = store.find(url);
  store.save(url, login);
  try {
    const source = findTokenSource(url, store, {});
    const me = await createClient({ baseUrl: url, getToken: source?.provider }).me();
    out.result({ ...me, url }, () => [
      `Signed in to ${url} as ${me.subject}, acting for ${me.roles.join(', ') || 'no role'}.`,
      `The login is stored in ${store.file}.`,
    ]);
  } catch (error) {
    if (previous === undefined) store.remove(url);
    else store.save(url, previous);
    throw error;
  }
}
