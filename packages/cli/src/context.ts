import type { Command } from 'commander';
import { createClient, type MeshClient } from '@agent-mesh/client';
import { CredentialsStore } from './credentials-store.js';
import { CliError, usageError } from './failure.js';
import { Output } from './output.js';
import { findTokenSource } from './token-source.js';

export interface GlobalOptions {
  readonly url?: string;
  readonly role?: string;
  readonly json?: boolean;
}

const DEFAULT_URL = 'http://localhost:8088';

/** The settings of one command: its global options, else the environment, else the latest login. */
export class Context {
  readonly out: Output;
  readonly store = new CredentialsStore();
  readonly url: string;
  /** The role to act for; undefined: the controller chooses. */
  readonly role: string | undefined;

  constructor(options: GlobalOptions) {
    this.out = new Output(options.json === true);
    this.url = baseUrl(options.url || process.env.MESH_URL || this.store.currentUrl || DEFAULT_URL);
    this.role = options.role || process.env.MESH_ROLE || undefined;
  }

  /**
   * Returns the client of the controller, with the token of the environment or of the login.
   *
   * @throws CliError if there is neither
   */
  get mesh(): MeshClient {
    const source = findTokenSource(this.url, this.store);
    if (source === undefined)
      throw new CliError(
        'mesh.login_required',
        `There is no token for ${this.url}. Run mesh login, or set MESH_TOKEN or MESH_TOKEN_FILE.`,
      );
    return createClient({ baseUrl: this.url, getToken: source.provider });
  }

  /** Returns the role whose inbox is meant: the one of --role, else the default role of the token. */
  async ownRole(mesh: MeshClient): Promise<string> {
    if (this.role !== undefined) return this.role;
    const { roles, acting_role } = await mesh.me();
    const role = acting_role ?? (roles.length === 1 ? roles[0] : undefined);
    if (role !== undefined) return role;
    throw usageError(
      roles.length === 0
        ? 'The token carries no role.'
        : `Name a role with --role or MESH_ROLE. The token has: ${roles.join(', ')}.`,
    );
  }
}

export function contextOf(command: Command): Context {
  return new Context(command.optsWithGlobals<GlobalOptions>());
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return text.replace(/\/+$/, '');
  throw usageError(
    'The URL of the controller must be http or https, without a user and a password.',
  );
}
