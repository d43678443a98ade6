import type { SecureContext } from 'node:tls';
import type { Environment } from '../config/environment.js';
import { parseRedisUrl, type RedisAddress } from '../config/redis-url.js';
import { readTlsFiles } from '../config/tls-files.js';

/** How to connect to Redis. */
export interface RedisSettings {
  /** One server, the nodes of a cluster, or the Sentinels. */
  readonly addresses: readonly RedisAddress[];
  readonly sentinel?: SentinelSettings;
  /** Reads certificates and key for a new connection; undefined: those of Node. */
  readonly readTls?: () => SecureContext;
}

/** The Sentinels know the address of the primary. */
export interface SentinelSettings {
  /** Name of the primary. */
  readonly name: string;
  readonly username?: string;
  readonly password?: string;
}

type Variables = Pick<Environment, 'REDIS_URL'> &
  Partial<
    Pick<
      Environment,
      | 'REDIS_SENTINEL_NAME'
      | 'REDIS_SENTINEL_USERNAME'
      | 'REDIS_SENTINEL_PASSWORD'
      | 'REDIS_TLS_CA_FILE'
      | 'REDIS_TLS_CERT_FILE'
      | 'REDIS_TLS_KEY_FILE'
    >
  >;

/** Returns the settings of the environment; undefined without a URL. */
export function redisSettings(variables: Variables): RedisSettings | undefined {
  if (variables.REDIS_URL.length === 0) return undefined;
  const { REDIS_SENTINEL_NAME: name, REDIS_TLS_CA_FILE, REDIS_TLS_CERT_FILE } = variables;
  const hasFiles = REDIS_TLS_CA_FILE !== undefined || REDIS_TLS_CERT_FILE !== undefined;
  return {
    addresses: variables.REDIS_URL.map(parseRedisUrl),
    ...(hasFiles && { readTls: () => readTlsFiles(variables) }),
    ...(name !== undefined && {
      sentinel: {
        name,
        username: variables.REDIS_SENTINEL_USERNAME,
        password: variables.REDIS_SENTINEL_PASSWORD,
      },
    }),
  };
}
