import { failureCode } from './redis-failure.js';
import {
  COMMAND_TIMEOUT_MS,
  createRedisClient,
  type RedisClient,
  type Topology,
  topologyOf,
} from './redis-client.js';
import type { RedisSettings } from './redis-settings.js';
import { TimeLimit } from './time-limit.js';

/** Replies of a node of a cluster to a client of a single server, after which the client of a cluster is used. */
const CLUSTER_REPLIES = 3;
/** Time in milliseconds in which another client has to connect and prove that it is usable. */
const REPLACEMENT_MS = 2_000;

export interface ConnectionEvents {
  /** The connection failed, or was refused. */
  failed(error: unknown): void;
  /** A connection is usable. */
  ready(): void;
}

/**
 * The client of Redis. It is replaced by another one without an interruption of reads:
 *
 * - one URL that names a node of a cluster: by the client of a cluster
 * - a server that became a read-only replica: by a client of the present primary, once there is one
 */
export class RedisConnection {
  private readonly limit = new TimeLimit(COMMAND_TIMEOUT_MS);
  private topology: Topology;
  private client: RedisClient;
  private clusterReplies = 0;
  private replacing?: Promise<void>;
  private isClosed = false;

  constructor(
    private readonly settings: RedisSettings,
    private readonly events: ConnectionEvents,
  ) {
    this.topology = topologyOf(settings);
    this.client = this.watched(this.topology);
  }

  /** Starts to connect, without waiting. */
  connect(): void {
    this.client.connect().catch(() => undefined);
  }

  /** Closes the connection after the commands already written to it. */
  close(): void {
    this.isClosed = true;
    this.client.disconnect();
  }

  /** The client that commands are sent with; undefined while there is no connection. */
  get usable(): RedisClient | undefined {
    return this.client.status === 'ready' ? this.client : undefined;
  }

  /** Whether a server accepted the connection but no commands yet, because it is loading its data. */
  get isLoading(): boolean {
    return this.client.status === 'connect';
  }

  /** The result of a command, within its time limit. */
  within<T>(command: Promise<T>): Promise<T> {
    return this.limit.around(command);
  }

  /** If the peer vanished without closing the connection, its status stays "ready" for minutes. Reconnects to find out. */
  reconnect(): void {
    if (!this.isClosed) this.client.disconnect(true);
  }

  /** Handles the reply of a node of a cluster to the client of a single server. */
  redirected(): void {
    this.clusterReplies += 1;
    if (this.topology !== 'server' || this.clusterReplies < CLUSTER_REPLIES) return;
    this.clusterReplies = 0;
    this.replace('cluster', () => Promise.resolve());
  }

  /** Searches for the primary after a reply of a read-only replica. @param write a command that a replica refuses */
  demoted(write: (client: RedisClient) => Promise<unknown>): void {
    if (this.topology !== 'cluster') this.replace(this.topology, write);
  }

  private replace(topology: Topology, prove: (client: RedisClient) => Promise<unknown>): void {
    if (this.isClosed) return;
    this.replacing ??= this.tryReplacement(topology, prove).finally(() => {
      this.replacing = undefined;
    });
  }

  private async tryReplacement(
    topology: Topology,
    prove: (client: RedisClient) => Promise<unknown>,
  ): Promise<void> {
    let candidate: RedisClient | undefined;
    try {
      candidate = createRedisClient(this.settings, topology);
      // Its failures are those of the present client.
      candidate.on('error', () => undefined);
      await new TimeLimit(REPLACEMENT_MS).around(candidate.connect());
      await new TimeLimit(REPLACEMENT_MS).around(prove(candidate));
    } catch {
      // A TLS file that cannot be read is one of the reasons: then there is no candidate.
      candidate?.disconnect();
      return;
    }
    if (this.isClosed) {
      candidate.disconnect();
      return;
    }
    const former = this.client;
    this.topology = topology;
    this.client = this.watch(candidate);
    former.disconnect();
    this.events.ready();
  }

  private watched(topology: Topology): RedisClient {
    return this.watch(createRedisClient(this.settings, topology));
  }

  private watch(client: RedisClient): RedisClient {
    client.on('error', (error: unknown) => {
      if (client === this.client) this.events.failed(error);
    });
    client.on('ready', () => {
      if (client === this.client) this.events.ready();
    });
    return client;
  }
}

/** Whether a node of a cluster replied, which has no slot for the key, or no slots at all. */
export function isClusterReply(error: unknown): boolean {
  return ['MOVED', 'ASK', 'CLUSTERDOWN', 'CROSSSLOT'].includes(failureCode(error));
}
