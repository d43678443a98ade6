import type { SecureContext } from 'node:tls';
import { Logger } from '@nestjs/common';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress } from '../config/redis-url.js';
import { messageOf } from '../errors/error-text.js';
import type { RedisSettings, SentinelSettings } from './redis-settings.js';

export type RedisClient = Redis | Cluster;

/** Timeout of a command in milliseconds. */
export const COMMAND_TIMEOUT_MS = 100;
const CONNECT_TIMEOUT_MS = 1000;
const BACKOFF_STEP_MS = 50;
const BACKOFF_MAX_MS = 1000;
const PORT = 6379;
const SENTINEL_PORT = 26_379;

const backoff = (attempts: number): number => Math.min(attempts * BACKOFF_STEP_MS, BACKOFF_MAX_MS);

/**
 * By default, ioredis queues commands while Redis is unavailable. With these options each command fails at once instead.
 * `commandTimeout` also limits the commands that ioredis sends to set up a connection.
 */
const FAIL_FAST = {
  connectionName: 'agent-mesh-controller',
  // It needs a command that ACL users often lack.
  disableClientInfo: true,
  lazyConnect: true,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: COMMAND_TIMEOUT_MS,
  maxRetriesPerRequest: 0,
  maxLoadingRetryTime: BACKOFF_MAX_MS,
  autoResendUnfulfilledCommands: false,
} as const;

/** Kinds of clients. `cluster`: also of one URL, if the server is a node of a cluster. */
export type Topology = 'server' | 'sentinel' | 'cluster';

/** Returns the topology that the settings name. One URL can turn out to be a node of a cluster. */
export function topologyOf({ addresses, sentinel }: RedisSettings): Topology {
  if (sentinel) return 'sentinel';
  return addresses.length > 1 ? 'cluster' : 'server';
}

/**
 * Creates a client. It connects on `connect()` and then reconnects without a limit. It does not queue commands while it is
 * disconnected. The caller limits the time of each command.
 */
export function createRedisClient(settings: RedisSettings, topology: Topology): RedisClient {
  const [first] = settings.addresses;
  if (first === undefined) throw new Error('there is no address of Redis');
  switch (topology) {
    case 'server':
      return createServerClient({ ...endpointOf(first, PORT), ...loginOf(first, settings) });
    case 'sentinel':
      return createServerClient(sentinelOptions(first, settings));
    case 'cluster':
      return createCluster(first, settings);
  }
}

/**
 * Writes all commands of one event-loop turn in one socket write. Separate writes cost one system call each and wake Redis
 * each time. (`enableAutoPipelining` has the same effect, but costs more CPU time than it saves.)
 */
class BatchingRedis extends Redis {
  private isCorked = false;

  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    this.corkUntilNextTurn();
    return super.sendCommand(...sent);
  }

  private corkUntilNextTurn(): void {
    // Undefined before the first connection, although its type excludes that.
    const stream = this.stream as Redis['stream'] | undefined;
    if (this.isCorked || !stream) return;
    this.isCorked = true;
    stream.cork();
    setImmediate(() => {
      this.isCorked = false;
      stream.uncork();
    });
  }
}

function createServerClient(own: RedisOptions): Redis {
  const options = { ...FAIL_FAST, enableOfflineQueue: false, retryStrategy: backoff };
  return new BatchingRedis({ ...options, ...own });
}

/** The client asks the Sentinels for the primary before each connection, and refuses a server that is not the primary. */
function sentinelOptions(first: RedisAddress, settings: RedisSettings): RedisOptions {
  const { name, username, password }: SentinelSettings = settings.sentinel ?? { name: '' };
  const login = loginOf(first, settings);
  return {
    ...login,
    name,
    role: 'master',
    sentinels: settings.addresses.map((address) => ({
      host: address.host,
      port: address.port ?? SENTINEL_PORT,
      family: address.family,
    })),
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
    ...(login.tls && { sentinelTLS: login.tls, enableTLSForSentinelMode: true }),
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    sentinelRetryStrategy: backoff,
    family: first.family,
  };
}

function createCluster(first: RedisAddress, settings: RedisSettings): Cluster {
  const nodes = settings.addresses.map((address) => endpointOf(address, PORT));
  return new Cluster(nodes, {
    redisOptions: { ...FAIL_FAST, ...loginOf(first, settings), db: 0, family: first.family },
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: backoff,
    // A retry inside the client would take longer than the timeout of a command.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    slotsRefreshInterval: 5000,
    // Keep host names unresolved, so that they match the certificates of the nodes.
    dnsLookup: (address, done) => {
      done(null, address);
    },
  });
}

function endpointOf(address: RedisAddress, port: number): RedisOptions {
  const { host, path, family } = address;
  return path === undefined ? { host, port: address.port ?? port, family } : { path };
}

/** Credentials, database and TLS for every server: Sentinels and clusters report servers as addresses only. */
function loginOf(first: RedisAddress, { readTls }: RedisSettings): RedisOptions {
  const { username, password, db, isEncrypted } = first;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db,
    ...(isEncrypted && { tls: readTls ? renewedTls(readTls) : {} }),
  };
}

/**
 * TLS options whose files are read again for each connection, because ioredis copies the options when it connects. If
 * they became unusable, the last usable ones stay: an error here would end the attempts to connect.
 */
function renewedTls(read: () => SecureContext): { readonly secureContext: SecureContext } {
  const logger = new Logger('Redis');
  let current = read();
  return {
    get secureContext() {
      try {
        current = read();
      } catch (error) {
        logger.warn(`Using the former certificates of Redis: ${messageOf(error)}.`);
      }
      return current;
    },
  };
}
