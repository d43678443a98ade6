import { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

/** How long a command may take. */
export const COMMAND_TIMEOUT_MS = 100;
const CONNECT_TIMEOUT_MS = 1000;
const BACKOFF_STEP_MS = 50;
const BACKOFF_MAX_MS = 1000;

const backoff = (attempts: number): number => Math.min(attempts * BACKOFF_STEP_MS, BACKOFF_MAX_MS);

/**
 * Left alone, ioredis holds commands back for as long as Redis is away: these make each fail at once instead. What it
 * sends by itself to begin a connection ends with `commandTimeout`.
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
 * A client that connects when told to and then reconnects for ever: to a single server, or to a cluster when there
 * are two or more URLs. It holds no command back while it is not connected; how long one may take once it is, is for
 * whoever sends it to say.
 */
export function createRedisClient(urls: readonly [string, ...string[]]): RedisClient {
  return urls.length === 1 ? createSingle(urls[0]) : createCluster(urls);
}

/**
 * Writes the commands of one turn of the event loop at once: with a write for each, each would be a system call and wake
 * Redis. (`enableAutoPipelining` does it with more work than it saves.)
 */
class TurnwiseRedis extends Redis {
  private isCorked = false;

  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    this.corkForThisTurn();
    return super.sendCommand(...sent);
  }

  private corkForThisTurn(): void {
    // There is none before the first connection, whatever the type says.
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
  const client = new TurnwiseRedis(url, options);
  // Its timer for each command is a cost that shows; those who send one have a limit of their own.
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
    // A retry inside the client would outlast the timeout of a command.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    slotsRefreshInterval: 5000,
    // Names stay names, for the certificates of the nodes to match.
    dnsLookup: (address, done) => {
      done(null, address);
    },
  });
}

/** What every node of a cluster is reached with: those that it names itself come as a bare address. */
function credentialsOf(url: URL): { username?: string; password?: string; tls?: object } {
  return {
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}
