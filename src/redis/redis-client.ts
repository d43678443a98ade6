import { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

/** Timeout of a command in milliseconds. */
export const COMMAND_TIMEOUT_MS = 100;
const CONNECT_TIMEOUT_MS = 1000;
const BACKOFF_STEP_MS = 50;
const BACKOFF_MAX_MS = 1000;

const backoff = (attempts: number): number => Math.min(attempts * BACKOFF_STEP_MS, BACKOFF_MAX_MS);

/**
 * By default, ioredis queues commands while Redis is unavailable. With these options each command fails at once instead.
 * `commandTimeout` also limits the commands that ioredis sends to set up a connection.
 */
const FAIL_FAST = {
  connectionName: 'agent-mesh-controller',
  lazyConnect: true,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: COMMAND_TIMEOUT_MS,
  maxRetriesPerRequest: 0,
  maxLoadingRetryTime: BACKOFF_MAX_MS,
  autoResendUnfulfilledCommands: false,
} as const;

/**
 * Creates a client of a single server, or of a cluster if there are two or more URLs. The client connects on `connect()`
 * and then reconnects without a limit. It does not queue commands while it is disconnected. The caller limits the time of
 * each command.
 */
export function createRedisClient(urls: readonly [string, ...string[]]): RedisClient {
  return urls.length === 1 ? createSingle(urls[0]) : createCluster(urls);
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

function createSingle(url: string): Redis {
  const options = { ...FAIL_FAST, enableOfflineQueue: false, retryStrategy: backoff };
  const client = new BatchingRedis(url, options);
  // The timer that ioredis starts for each command costs measurable CPU time, and callers have their own time limit.
  const limitEach = (commandTimeout: number | undefined) => (): void => {
    Object.assign(client.options, { commandTimeout });
  };
  client.on('ready', limitEach(undefined));
  client.on('close', limitEach(COMMAND_TIMEOUT_MS));
  return client;
}

function createCluster(urls: readonly [string, ...string[]]): Cluster {
  return new Cluster([...urls], {
    redisOptions: { ...FAIL_FAST, ...credentialsOf(new URL(urls[0])) },
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

/** Credentials for every node of a cluster: the cluster reports its nodes as addresses without credentials. */
function credentialsOf(url: URL): { username?: string; password?: string; tls?: object } {
  return {
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}
