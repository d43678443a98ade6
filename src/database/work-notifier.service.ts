import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import pg from 'pg';
import { sql } from './sql.js';
import { TransactionsService } from './transactions.service.js';

const CHANNEL = 'agent_mesh_work';
const ANNOUNCEMENTS = 'agent_mesh_announcements';
const COALESCE_MS = 20;
const RECONNECT_MS = 1_000;

/** The topic of the changes of a session; a role is a topic itself. */
export function sessionTopic(id: string): string {
  return `session/${id}`;
}

/**
 * Notifies every process by LISTEN and NOTIFY that there may be work for a role, or that a session has changed. A
 * notification is only a hint: waiting requests also poll. Each process listens on a dedicated connection. Notifications
 * are sent after the commit, because NOTIFY inside the transactions would serialize all commits, and in batches of 20 ms.
 */
@Injectable()
export class WorkNotifierService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(WorkNotifierService.name);
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly announcementHandlers = new Map<string, (text: string) => void>();
  private readonly pendingTopics = new Set<string>();
  private flushing?: NodeJS.Timeout;
  private reconnecting?: NodeJS.Timeout;
  private client?: pg.Client;
  private stopped = false;

  constructor(
    private readonly transactions: TransactionsService,
    /** The URL of the database without a pooler: LISTEN requires a dedicated connection. */
    private readonly url: string,
  ) {}

  onApplicationBootstrap(): void {
    void this.connect();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.flushing);
    clearTimeout(this.reconnecting);
    for (const topic of this.listeners.keys()) this.wake(topic);
    await this.client?.end().catch(() => undefined);
  }

  /** Notifies all processes, within about 20 ms, that there may be work for a role, or that a session has changed. */
  notify(topic: string): void {
    this.pendingTopics.add(topic);
    this.flushing ??= setTimeout(() => {
      this.flushing = undefined;
      void this.flush();
    }, COALESCE_MS).unref();
  }

  /** Notifies this process only. */
  notifyHere(topic: string): void {
    this.wake(topic);
  }

  /** Calls `listener` at each notification of `topic`. Returns the function that ends the subscription. */
  subscribe(topic: string, listener: () => void): () => void {
    const listeners = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(topic) === listeners)
        this.listeners.delete(topic);
    };
  }

  /** Sends `text` to every connected process that listens to `topic`, including this one. Other processes miss it. */
  async announce(topic: string, text: string): Promise<void> {
    await this.transactions.read((manager) =>
      sql(manager, `SELECT pg_notify($1, $2)`, [ANNOUNCEMENTS, `${topic}:${text}`]),
    );
  }

  /** Calls `listener` with each text announced under `topic`. A topic has no colon and one listener. */
  onAnnouncement(topic: string, listener: (text: string) => void): void {
    this.announcementHandlers.set(topic, listener);
  }

  /** Whether the process is stopping. Then no request should wait for work. */
  get isStopping(): boolean {
    return this.stopped;
  }

  private async flush(): Promise<void> {
    const topics = [...this.pendingTopics];
    this.pendingTopics.clear();
    try {
      await this.transactions.read((manager) =>
        sql(manager, `SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic`, [
          CHANNEL,
          topics,
        ]),
      );
    } catch {
      // Other processes poll within a second.
      for (const topic of topics) this.wake(topic);
    }
  }

  private wake(topic: string): void {
    for (const listener of this.listeners.get(topic) ?? []) listener();
  }

  private dispatchAnnouncement(announcement: string): void {
    const topic = announcement.slice(0, announcement.indexOf(':'));
    this.announcementHandlers.get(topic)?.(announcement.slice(topic.length + 1));
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'agent-mesh-controller signals',
      connectionTimeoutMillis: 1_000,
      keepAlive: true,
    });
    this.client = client;
    client.on('error', (error) => {
      this.logger.debug(`The connection for LISTEN was lost: ${error.message}`);
    });
    client.on('end', () => {
      this.reconnect();
    });
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === CHANNEL) this.wake(payload);
      else this.dispatchAnnouncement(payload);
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}; LISTEN ${ANNOUNCEMENTS}`);
      for (const topic of this.listeners.keys()) this.wake(topic);
    } catch {
      await client.end().catch(() => undefined);
      this.reconnect();
    }
  }

  private reconnect(): void {
    if (this.stopped) return;
    clearTimeout(this.reconnecting);
    this.reconnecting = setTimeout(() => void this.connect(), RECONNECT_MS).unref();
  }
}
