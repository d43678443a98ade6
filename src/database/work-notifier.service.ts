import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { NotificationListenerService } from './notification-listener.service.js';
import { sql } from './sql.js';
import { TopicListeners } from './topic-listeners.js';
import { TransactionsService } from './transactions.service.js';

const CHANNEL = 'agent_mesh_work';
const ANNOUNCEMENTS = 'agent_mesh_announcements';
const COALESCE_MS = 20;

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
  private readonly listeners = new TopicListeners();
  private readonly announcementHandlers = new Map<string, (text: string) => void>();
  private readonly pendingTopics = new Set<string>();
  private flushing?: NodeJS.Timeout;
  private stopped = false;

  constructor(
    private readonly transactions: TransactionsService,
    private readonly listener: NotificationListenerService,
  ) {}

  onApplicationBootstrap(): void {
    void this.listener.run([CHANNEL, ANNOUNCEMENTS], {
      receive: (channel, payload) => {
        if (channel === CHANNEL) this.listeners.wake(payload);
        else this.dispatchAnnouncement(payload);
      },
      listening: () => {
        this.listeners.wakeAll();
      },
    });
  }

  beforeApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.flushing);
    this.listeners.wakeAll();
    this.listener.stop();
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
    this.listeners.wake(topic);
  }

  /** Calls `listener` at each notification of `topic`. Returns the function that ends the subscription. */
  subscribe(topic: string, listener: () => void): () => void {
    return this.listeners.subscribe(topic, listener);
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
      for (const topic of topics) this.listeners.wake(topic);
    }
  }

  private dispatchAnnouncement(announcement: string): void {
    const topic = announcement.slice(0, announcement.indexOf(':'));
    this.announcementHandlers.get(topic)?.(announcement.slice(topic.length + 1));
  }
}
