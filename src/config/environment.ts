import {
  IsByteLength,
  IsIn,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
} from 'class-validator';
import { Flag, List, Names, URL_OPTIONS, WholeNumber } from './variable.js';

const POSTGRES = { message: '$property must be a URL such as postgres://user@host/database' };

/**
 * Everything the process is told from outside, validated once at start-up and frozen.
 * Nothing else reads `process.env`. `docs/configuration.md` says what each variable means.
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
  @IsUrl({ ...URL_OPTIONS, protocols: ['postgres', 'postgresql'] }, POSTGRES)
  readonly DATABASE_URL?: string;

  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['postgres', 'postgresql'] }, POSTGRES)
  readonly DATABASE_DIRECT_URL?: string;

  @WholeNumber(1, 200)
  readonly DATABASE_POOL_SIZE: number = 10;

  /** Whether connections keep prepared statements; a pooler in front may not. */
  @Flag()
  readonly DATABASE_PREPARED_STATEMENTS: boolean = true;

  @Flag()
  readonly MIGRATE_ON_START: boolean = false;

  /** Where the embedded database and the development secret live. */
  @IsString()
  readonly DATA_DIR: string = '.data';

  @List()
  @IsUrl({ ...URL_OPTIONS, protocols: ['redis', 'rediss'] }, { each: true })
  readonly REDIS_URL: readonly string[] = [];

  @IsOptional()
  @IsByteLength(32, undefined, { message: 'JWT_SECRET must have at least 32 bytes' })
  readonly JWT_SECRET?: string;

  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  readonly OIDC_ISSUER_URL?: string;

  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  readonly OIDC_JWKS_URL?: string;

  /** The audiences that tokens may be for; also the clients whose roles count. */
  @List()
  @IsNotEmpty({ each: true, message: 'OIDC_AUDIENCE must hold audiences, or not be set' })
  readonly OIDC_AUDIENCE: readonly string[] = [];

  /** The path of the claim that holds the roles, instead of the usual ones. */
  @IsOptional()
  @Matches(/^[^\s.]+(\.[^\s.]+)*$/, {
    message: 'OIDC_ROLES_CLAIM must be the path of a claim, such as realm_access.roles',
  })
  readonly OIDC_ROLES_CLAIM?: string;

  @Flag()
  readonly OIDC_ALLOW_HTTP: boolean = false;

  /** The roles that exist; empty: any. */
  @Names()
  readonly ROLES: readonly string[] = [];

  /** The role that an agent with several acts for by default: the first of these that it holds. */
  @Names()
  readonly DEFAULT_ROLE_PRECEDENCE: readonly string[] = [];

  @WholeNumber(1, 3650)
  readonly SESSION_RETENTION_DAYS: number = 7;

  @WholeNumber(1, 31_536_000)
  readonly IDEMPOTENCY_TTL_SECONDS: number = 86_400;

  @WholeNumber(1, 3600)
  readonly SWEEP_INTERVAL_SECONDS: number = 5;

  /** The shortest lease that a claim or a heartbeat may ask for. */
  @WholeNumber(1, 3600)
  readonly LEASE_MIN_SECONDS: number = 30;

  @Flag()
  readonly APPROVALS_FOUR_EYES: boolean = true;

  /** Whether the role that asks for an approval may be the one that decides; its subjects still differ. */
  @Flag()
  readonly APPROVALS_SAME_ROLE: boolean = false;

  /** How many reverse proxies in front may be believed about the caller's address. */
  @WholeNumber(0, 10)
  readonly TRUST_PROXY: number = 0;

  /** Where callers reach the controller, if their requests do not tell: behind a proxy that changes `Host`. */
  @IsOptional()
  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  readonly PUBLIC_URL?: string;

  /** The web origins whose scripts may call; empty: none, but for those on this machine at `/mcp`. */
  @List()
  @Matches(/^https?:\/\/[^/?#\s*]+$/, {
    each: true,
    message: 'CORS_ORIGINS must hold origins such as https://console.example.com',
  })
  readonly CORS_ORIGINS: readonly string[] = [];

  @Flag()
  readonly RATE_LIMIT_ENABLED: boolean = true;

  /** Requests per second, on average over ten, that one address may send. */
  @WholeNumber(1, 1_000_000)
  readonly RATE_LIMIT_ADDRESS: number = 2_000;

  /** The same for one subject. */
  @WholeNumber(1, 1_000_000)
  readonly RATE_LIMIT_SUBJECT: number = 500;

  @WholeNumber(1, 1_000_000)
  readonly MAX_IN_FLIGHT: number = 1_000;

  /** How far the process may be behind, in milliseconds, before it turns requests away. */
  @WholeNumber(20, 60_000)
  readonly MAX_LAG_MS: number = 1_000;

  /** Whether requests may use the names and the forms of v0.4. */
  @Flag()
  readonly LEGACY_V04: boolean = true;

  @Flag()
  readonly API_DOCS_ENABLED: boolean = true;

  @IsIn(['error', 'warn', 'log', 'debug'])
  readonly LOG_LEVEL: 'error' | 'warn' | 'log' | 'debug' = 'log';

  /** Whether the controller brings its own database and makes its own development tokens. */
  get isEmbedded(): boolean {
    return this.DATABASE_URL === undefined;
  }

  /** The address to listen on: only this machine's own unless a real database says that this is a deployment. */
  get listenHost(): string {
    return this.HOST ?? (this.isEmbedded ? '127.0.0.1' : '0.0.0.0');
  }
}
