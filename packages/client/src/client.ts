import {
  clientCredentials,
  type ClientCredentialsOptions,
} from './credentials/client-credentials.js';
import { tokenFile } from './credentials/token-file.js';
import type { TokenProvider } from './credentials/token-provider.js';
import { CredentialsError, MeshError } from './errors.js';
import { type EventFilter, type EventOptions, EventReader, type MeshEvent } from './events.js';
import { Http, type MeshRequest, type MeshResponse, type RequestOptions } from './http.js';
import { Approvals } from './resources/approvals.js';
import { Audit } from './resources/audit.js';
import { segment } from './resources/resource.js';
import { Roles } from './resources/roles.js';
import { Sessions } from './resources/sessions.js';
import { Tasks } from './resources/tasks.js';
import { Webhooks } from './resources/webhooks.js';
import type { Caller, Health, KeyedRequest, Overview, Waiting } from './types.js';

/** Options of {@link createClient}. */
export interface ClientOptions {
  /** URL of the controller, with the path prefix if it has one. */
  readonly baseUrl: string;
  /** An access token. Set one of `token`, `getToken`, `tokenFile` and `clientCredentials`. */
  readonly token?: string | undefined;
  /** Returns the access token of each request. */
  readonly getToken?: TokenProvider | undefined;
  /** Path of a file with the access token. It is read again for each request. */
  readonly tokenFile?: string | undefined;
  /** OIDC client credentials. Tokens are renewed before they expire. */
  readonly clientCredentials?: ClientCredentialsOptions | undefined;
  /** Time limit of each attempt of a request in milliseconds, in addition to `wait_seconds`. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Number of retries of each request. Default: 5. */
  readonly maxRetries?: number | undefined;
  /** Replaces the global `fetch`, for example for a proxy or for tests. */
  readonly fetch?: typeof fetch | undefined;
}

/** Creates a client of one controller, for one caller. */
export function createClient(options: ClientOptions): MeshClient {
  return new MeshClient(options);
}

/** The API of the controller. Methods throw ProblemError, ConnectionError or CredentialsError. */
export class MeshClient {
  /** Routes tasks, claims them, and waits for their results. */
  readonly tasks: Tasks;
  /** Holds and ends the attempts at tasks. */
  readonly sessions: Sessions;
  /** Requests, decides and consumes approvals. */
  readonly approvals: Approvals;
  /** Pauses and resumes roles. */
  readonly roles: Roles;
  /** Reads and exports the audit log. */
  readonly audit: Audit;
  /** Sends events to endpoints. */
  readonly webhooks: Webhooks;
  private readonly http: Http;

  /** @internal Use {@link createClient}. */
  constructor(options: ClientOptions) {
    if (!URL.canParse(options.baseUrl))
      throw new MeshError('mesh.url_invalid', `baseUrl is not a URL: ${options.baseUrl}`);
    const { baseUrl, timeoutMs = 30_000, maxRetries = 5 } = options;
    this.http = new Http({
      baseUrl,
      timeoutMs,
      maxRetries,
      getToken: tokenProviderOf(options),
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    });
    this.tasks = new Tasks(this.http);
    this.sessions = new Sessions(this.http);
    this.approvals = new Approvals(this.http);
    this.roles = new Roles(this.http);
    this.audit = new Audit(this.http);
    this.webhooks = new Webhooks(this.http);
  }

  /** Returns the subject and the roles that the controller reads from the token. */
  async me(options: RequestOptions = {}): Promise<Caller> {
    return (await this.http.send({ ...options, method: 'GET', path: '/me' })).body as Caller;
  }

  /** Returns the number of approvals that the caller can decide now; 100 means 100 or more. */
  async waiting(options: RequestOptions = {}): Promise<Waiting> {
    return (await this.http.send({ ...options, method: 'GET', path: '/me/waiting' }))
      .body as Waiting;
  }

  /** Returns the numbers of the tasks and approvals that the caller may see. */
  async overview(options: RequestOptions = {}): Promise<Overview> {
    return (await this.http.send({ ...options, method: 'GET', path: '/overview' }))
      .body as Overview;
  }

  /** Returns the state of the controller and its dependencies. */
  async health(options: RequestOptions = {}): Promise<Health> {
    return (await this.http.send({ ...options, method: 'GET', path: '/health' })).body as Health;
  }

  /** Returns the requests that were executed with an idempotency key. */
  async requestsWithKey(key: string, options: RequestOptions = {}): Promise<KeyedRequest[]> {
    const path = `/idempotency/${segment(key)}`;
    const { body } = await this.http.send({ ...options, method: 'GET', path });
    return (body as { requests: KeyedRequest[] }).requests;
  }

  /**
   * Iterates over events without end, from a cursor or from now on. It connects again by itself and continues after the
   * last event. Stop it with `break` or with `signal`.
   */
  events(
    filter: EventFilter = {},
    options: EventOptions = {},
  ): AsyncGenerator<MeshEvent, void, undefined> {
    return new EventReader(this.http, filter, options).events();
  }

  /** Sends a request to a route that has no method here, with the same token, key, retries and errors. */
  request(request: MeshRequest): Promise<MeshResponse> {
    return this.http.send(request);
  }
}

function tokenProviderOf(options: ClientOptions): TokenProvider | undefined {
  const { token } = options;
  const providers = [
    token === undefined ? undefined : () => token,
    options.getToken,
    options.tokenFile === undefined ? undefined : tokenFile(options.tokenFile),
    options.clientCredentials && clientCredentials(options.clientCredentials),
  ].filter((provider) => provider !== undefined);
  if (providers.length > 1) {
    const message = 'Set only one of token, getToken, tokenFile and clientCredentials.';
    throw new CredentialsError('mesh.credentials_invalid', message);
  }
  return providers[0];
}
