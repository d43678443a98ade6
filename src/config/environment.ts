import {
  IsByteLength,
  IsIn,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
} from 'class-validator';
import { HUMAN_CLAIM } from './human-claim.js';
import { WholeNumber } from '../common/whole-number.js';
import { Flag, List, Names, URL_OPTIONS } from './variable.js';

/** About 100 years. */
export const MAX_RETENTION_DAYS = 36_500;

const POSTGRES = { message: '$property must be a URL such as postgres://user@host/database' };

/**
 * Configuration of the process from environment variables, validated at start-up and frozen. No other code reads
 * `process.env`. `docs/configuration.md` describes each variable.
 */
export class Environment {
  @IsIn(['development', 'test', 'production'])
  readonly NODE_ENV: 'development' | 'test' | 'production' = 'development';

  @WholeNumber(0, 65_535)
  readonly PORT: number = 8088;

  @IsOptional()
  @IsString()
  readonly HOST?: string;

  @IsOptional()
  @Matches(/^postgres(ql)?:\/\//, POSTGRES)
  readonly DATABASE_URL?: string;

  @IsOptional()
  @Matches(/^postgres(ql)?:\/\//, POSTGRES)
  readonly DATABASE_DIRECT_URL?: string;

  /** A streaming replica of the database, for lists and exports. Not set: the primary serves them. */
  @IsOptional()
  @Matches(/^postgres(ql)?:\/\//, POSTGRES)
  readonly DATABASE_READ_URL?: string;

  /** Milliseconds that a list waits for the replica to catch up with the primary, before the primary serves the list. */
  @WholeNumber(0, 5_000)
  readonly DATABASE_READ_MAX_LAG_MS: number = 100;

  @WholeNumber(1, 200)
  readonly DATABASE_POOL_SIZE: number = 10;

  /** Seconds that opening a connection to the database may take. */
  @WholeNumber(1, 60)
  readonly DATABASE_CONNECT_TIMEOUT_SECONDS: number = 5;

  /** Whether to use prepared statements. A pooler in front of the database may not support them. */
  @Flag()
  readonly DATABASE_PREPARED_STATEMENTS: boolean = true;

  @Flag()
  readonly MIGRATE_ON_START: boolean = false;

  /** Folder of the embedded database and of the development secret. */
  @IsString()
  readonly DATA_DIR: string = '.data';

  @List()
  @Matches(/^(?:rediss?|unix):\/\/\S+$/, {
    each: true,
    message: 'each value in REDIS_URL must be a URL address',
  })
  readonly REDIS_URL: readonly string[] = [];

  /** Name of the primary that the Sentinels of REDIS_URL monitor. Not set: REDIS_URL names servers. */
  @IsOptional()
  @Matches(/^[\w.-]+$/, { message: 'REDIS_SENTINEL_NAME must be the name of a primary' })
  readonly REDIS_SENTINEL_NAME?: string;

  @IsOptional()
  @IsString()
  readonly REDIS_SENTINEL_USERNAME?: string;

  @IsOptional()
  @IsString()
  readonly REDIS_SENTINEL_PASSWORD?: string;

  @IsOptional()
  @IsString()
  readonly REDIS_TLS_CA_FILE?: string;

  @IsOptional()
  @IsString()
  readonly REDIS_TLS_CERT_FILE?: string;

  @IsOptional()
  @IsString()
  readonly REDIS_TLS_KEY_FILE?: string;

  /** Beginning of the names of all keys in Redis. The id of the deployment follows. */
  @Matches(/^[\w.:/-]{1,64}$/, {
    message:
      'REDIS_KEY_PREFIX must have 1 to 64 characters: letters, digits, and the characters . _ : / -',
  })
  readonly REDIS_KEY_PREFIX: string = 'agent-mesh:';

  @IsOptional()
  @IsByteLength(32, undefined, { message: 'JWT_SECRET must have at least 32 bytes' })
  readonly JWT_SECRET?: string;

  /** Accepted issuers. */
  @List()
  @IsUrl(
    { ...URL_OPTIONS, protocols: ['http', 'https'] },
    { each: true, message: '$property must be a URL address' },
  )
  readonly OIDC_ISSUER_URL: readonly string[] = [];

  /** URLs of the signing keys, one for each issuer, in the same order. */
  @List()
  @IsUrl(
    { ...URL_OPTIONS, protocols: ['http', 'https'] },
    { each: true, message: '$property must be a URL address' },
  )
  readonly OIDC_JWKS_URL: readonly string[] = [];

  /** Accepted audiences of tokens. Also the clients whose roles are read from `resource_access`. */
  @List()
  @IsNotEmpty({ each: true, message: 'OIDC_AUDIENCE must hold audiences, or not be set' })
  readonly OIDC_AUDIENCE: readonly string[] = [];

  /** Path of the claim that contains the roles. Replaces the default claims. */
  @IsOptional()
  @Matches(/^[^\s.]+(\.[^\s.]+)*$/, {
    message: 'OIDC_ROLES_CLAIM must be the path of a claim, such as realm_access.roles',
  })
  readonly OIDC_ROLES_CLAIM?: string;

  /** Clients whose access tokens are accepted without `aud`. */
  @List()
  @IsNotEmpty({ each: true, message: 'OIDC_CLIENT_IDS must hold ids of clients, or not be set' })
  readonly OIDC_CLIENT_IDS: readonly string[] = [];

  /** Roles by the names that tokens contain. Not set: the names are the roles. */
  @IsOptional()
  @IsString()
  readonly OIDC_ROLES_MAP?: string;

  @Flag()
  readonly OIDC_ALLOW_HTTP: boolean = false;

  /** Public client with which people sign in to the console at the first issuer. Not set: no sign-in by OIDC. */
  @IsOptional()
  @IsString()
  readonly OIDC_CONSOLE_CLIENT_ID?: string;

  /** Scopes that the console requests, separated by spaces. */
  @Matches(/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/, {
    message: 'OIDC_CONSOLE_SCOPE must hold scopes separated by single spaces',
  })
  readonly OIDC_CONSOLE_SCOPE: string = 'openid profile';

  /** Roles that exist. Empty: any role. */
  @Names()
  readonly ROLES: readonly string[] = [];

  /** Default role of an agent with several roles: the first role of this list that the agent holds. */
  @Names()
  readonly DEFAULT_ROLE_PRECEDENCE: readonly string[] = [];

  /** What the claims of a person's token meet, all of them; empty: nobody is known to be a person. */
  @List()
  @Matches(HUMAN_CLAIM, {
    each: true,
    message:
      'HUMAN_CLAIMS must hold conditions such as idtyp=user, !client_id, preferred_username!=service-account-*',
  })
  readonly HUMAN_CLAIMS: readonly string[] = [];

  /** The roles whose approvals need a person in every case. */
  @Names()
  readonly HUMAN_APPROVER_ROLES: readonly string[] = [];

  @WholeNumber(1, 3650)
  readonly SESSION_RETENTION_DAYS: number = 7;

  @WholeNumber(1, 31_536_000)
  readonly IDEMPOTENCY_TTL_SECONDS: number = 86_400;

  @WholeNumber(1, 3600)
  readonly SWEEP_INTERVAL_SECONDS: number = 5;

  /** Shortest lease in seconds that a claim or a heartbeat may request. */
  @WholeNumber(1, 3600)
  readonly LEASE_MIN_SECONDS: number = 30;

  /** For how long after an outage no lease and no approval ends because of it. */
  @WholeNumber(0, 3600)
  readonly OUTAGE_GRACE_SECONDS: number = 60;

  @Flag()
  readonly APPROVALS_FOUR_EYES: boolean = true;

  /** Whether the requester's role may also be the approver role. The subjects must differ in any case. */
  @Flag()
  readonly APPROVALS_SAME_ROLE: boolean = false;

  /** Number of trusted reverse proxies in front of the controller, for the caller's address. */
  @WholeNumber(0, 10)
  readonly TRUST_PROXY: number = 0;

  /** URL of the controller for callers. Required only behind a proxy that changes `Host`. */
  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  readonly PUBLIC_URL?: string;

  /** Web origins that may call the API. Empty: none, except origins on this machine for `/mcp`. */
  @List()
  @Matches(/^https?:\/\/[^/?#\s*]+$/, {
    each: true,
    message: 'CORS_ORIGINS must hold origins such as https://console.example.com',
  })
  readonly CORS_ORIGINS: readonly string[] = [];

  /** Encrypts the signing secrets of webhooks: 32 bytes in base64. Required for webhooks outside of embedded mode. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9+/]{43}=$/, {
    message:
      'WEBHOOK_SECRET_KEY must be 32 bytes in base64, such as the output of: openssl rand -base64 32',
  })
  readonly WEBHOOK_SECRET_KEY?: string;

  /** Networks (CIDR) that webhooks may call although they are not public. */
  @List()
  @IsNotEmpty({ each: true, message: 'WEBHOOK_ALLOWED_NETWORKS must hold networks, or not be set' })
  readonly WEBHOOK_ALLOWED_NETWORKS: readonly string[] = [];

  /** Whether webhooks may use plain http, for development. */
  @Flag()
  readonly WEBHOOK_ALLOW_HTTP: boolean = false;

  /** Roles that are A2A agents. Empty: A2A is off. */
  @Names()
  readonly A2A_ROLES: readonly string[] = [];

  /** JSON file with the names, descriptions and skills of the agent cards. */
  @IsOptional()
  @IsString()
  readonly A2A_CARDS_FILE?: string;

  /** Longest time in seconds that the A2A operation SendMessage waits for the end of the task. */
  @WholeNumber(0, 55)
  readonly A2A_BLOCKING_SECONDS: number = 55;

  /** Whether this instance seals the audit log. */
  @Flag()
  readonly AUDIT_SEAL: boolean = true;

  /** The name of the sealed log in its heads. Not set: from PUBLIC_URL, else generated. */
  @IsOptional()
  @Matches(/^[^\s+/][^\s+]{0,199}$/, {
    message: 'AUDIT_LOG_ORIGIN must be a name such as mesh.example.com/audit/log',
  })
  readonly AUDIT_LOG_ORIGIN?: string;

  /** Signs the heads of the sealed log: a private Ed25519 key in PEM (PKCS #8). */
  @IsOptional()
  @IsString()
  readonly AUDIT_SIGNING_KEY?: string;

  /** Signs the heads instead: a URL that responds like Transit of Vault. */
  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  readonly AUDIT_SIGNER_URL?: string;

  @IsOptional()
  @Matches(/^[\x21-\x7e]+$/, {
    message: 'AUDIT_SIGNER_TOKEN must be visible characters, no spaces',
  })
  readonly AUDIT_SIGNER_TOKEN?: string;

  /** The verifier key of AUDIT_SIGNER_URL. */
  @IsOptional()
  @IsString()
  readonly AUDIT_SIGNER_KEY?: string;

  /** Verifier keys that signed earlier heads. */
  @List()
  @IsNotEmpty({ each: true, message: 'AUDIT_RETIRED_KEYS must hold verifier keys, or not be set' })
  readonly AUDIT_RETIRED_KEYS: readonly string[] = [];

  /** Minimum time between two batches of the sealer. */
  @WholeNumber(100, 10_000)
  readonly AUDIT_SEAL_INTERVAL_MS: number = 500;

  /** Minimum time between two signed heads. */
  @WholeNumber(1, 3600)
  readonly AUDIT_HEAD_SECONDS: number = 1;

  /** URLs that receive the signed heads. */
  @List()
  @IsNotEmpty({ each: true, message: 'AUDIT_ANCHORS must hold URLs, or not be set' })
  readonly AUDIT_ANCHORS: readonly string[] = [];

  /** Minimum time between two heads that an anchor receives. */
  @WholeNumber(1, 86_400)
  readonly AUDIT_ANCHOR_SECONDS: number = 60;

  /** URLs and verifier keys of the witnesses that cosign the heads. */
  @List()
  @IsNotEmpty({
    each: true,
    message: 'AUDIT_WITNESSES must hold URLs with verifier keys, or not be set',
  })
  readonly AUDIT_WITNESSES: readonly string[] = [];

  /** Number of witnesses that must have cosigned a head before it is served. */
  @WholeNumber(0, 20)
  readonly AUDIT_WITNESS_QUORUM: number = 0;

  /** Responses with the header `Mesh-Audit-Head`. */
  @IsIn(['off', 'approvals', 'all'])
  readonly AUDIT_HEAD_HEADER: 'off' | 'approvals' | 'all' = 'approvals';

  /** Whether the heads, tiles and proofs of consistency require no token. */
  @Flag()
  readonly AUDIT_LOG_PUBLIC: boolean = false;

  /** Number of tiles per minute that this instance compares with the events. 0: none. */
  @WholeNumber(0, 600)
  readonly AUDIT_VERIFY_TILES_PER_MINUTE: number = 6;

  /** Age in days at which `npm run audit:archive` moves a month of events into the archive. 0: never. */
  @WholeNumber(0, MAX_RETENTION_DAYS)
  readonly AUDIT_RETENTION_DAYS: number = 0;

  /** Folder of the archives. */
  @IsOptional()
  @IsString()
  readonly AUDIT_ARCHIVE_DIR?: string;

  @Flag()
  readonly RATE_LIMIT_ENABLED: boolean = true;

  /** Requests per second that one address may send, averaged over ten seconds. */
  @WholeNumber(1, 1_000_000)
  readonly RATE_LIMIT_ADDRESS: number = 2_000;

  /** Requests per second that one subject may send, averaged over ten seconds. */
  @WholeNumber(1, 1_000_000)
  readonly RATE_LIMIT_SUBJECT: number = 500;

  /** Size of the headers of a request. A token can have half of it. */
  @WholeNumber(16_384, 131_072)
  readonly MAX_HEADER_BYTES: number = 16_384;

  @WholeNumber(1, 1_000_000)
  readonly MAX_IN_FLIGHT: number = 1_000;

  /** Lag of the event loop in milliseconds above which the controller rejects requests. */
  @WholeNumber(20, 60_000)
  readonly MAX_LAG_MS: number = 1_000;

  /** Event streams of one process. Each is also a waiting request in flight. */
  @WholeNumber(1, 1_000_000)
  readonly EVENTS_MAX_STREAMS: number = 1_000;

  /** Longest time in seconds that a request waits for work or for a change. */
  @WholeNumber(1, 25)
  readonly MAX_WAIT_SECONDS: number = 25;

  /** Time in seconds that an idle connection stays open. Longer than that of the proxy in front. */
  @WholeNumber(1, 3600)
  readonly HTTP_KEEP_ALIVE_SECONDS: number = 75;

  /** Time in seconds that a client has to send the headers of a request. */
  @WholeNumber(1, 300)
  readonly HTTP_HEADERS_SECONDS: number = 10;

  /** Time in seconds that a client has to send a whole request. */
  @WholeNumber(1, 3600)
  readonly HTTP_REQUEST_SECONDS: number = 30;

  /** Time in seconds after which a response of which the client reads nothing is ended. */
  @WholeNumber(1, 3600)
  readonly HTTP_STALL_SECONDS: number = 30;

  /** Time in seconds from SIGTERM, when the instance becomes not ready, until it accepts no more connections. */
  @IsOptional()
  @WholeNumber(0, 300)
  readonly SHUTDOWN_DELAY_SECONDS?: number;

  /** Whether the controller accepts names and forms of v0.4 requests. */
  @Flag()
  readonly LEGACY_V04: boolean = true;

  @Flag()
  readonly API_DOCS_ENABLED: boolean = true;

  /** Whether the controller serves the console at `/console`. */
  @Flag()
  readonly CONSOLE_ENABLED: boolean = true;

  @IsIn(['error', 'warn', 'log', 'debug'])
  readonly LOG_LEVEL: 'error' | 'warn' | 'log' | 'debug' = 'log';

  /** Format of the log. Not set: text in a terminal, unless NODE_ENV is production, and JSON otherwise. */
  @IsOptional()
  @IsIn(['json', 'text'])
  readonly LOG_FORMAT?: 'json' | 'text';

  /** Whether the controller runs the embedded database and creates a secret for development tokens. */
  get isEmbedded(): boolean {
    return this.DATABASE_URL === undefined;
  }

  /** Address to listen on. Defaults to loopback in embedded mode, and to all interfaces with DATABASE_URL. */
  get listenHost(): string {
    return this.HOST ?? (this.isEmbedded ? '127.0.0.1' : '0.0.0.0');
  }

  /** Milliseconds that a request waits which asks for so many seconds: at most MAX_WAIT_SECONDS. */
  waitMs(seconds: number): number {
    return Math.min(seconds, this.MAX_WAIT_SECONDS) * 1_000;
  }

  /** Path of PUBLIC_URL without a trailing slash, which a proxy removes from paths; usually empty. */
  get publicPath(): string {
    const { PUBLIC_URL } = this;
    return PUBLIC_URL === undefined ? '' : new URL(PUBLIC_URL).pathname.replace(/\/+$/, '');
  }

  /** Seconds from SIGTERM until draining. Without SHUTDOWN_DELAY_SECONDS: 8 in production, else 0. */
  get shutdownDelaySeconds(): number {
    return this.SHUTDOWN_DELAY_SECONDS ?? (this.NODE_ENV === 'production' ? 8 : 0);
  }
}
