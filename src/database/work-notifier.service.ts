import { setTimeout as sleep } from 'node:timers/promises';
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

const NOTIFY = `
  SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload
  UNION ALL SELECT pg_notify($3, payload) FROM unnest($4::text[]) AS payload`;

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
  private readonly pendingAnnouncements = new Set<string>();
  /** Resolves when what is pending was sent. */
  private flushing?: Promise<void>;
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
    this.listeners.wakeAll();
    this.listener.stop();
  }

  /** Notifies all processes, within about 20 ms, that there may be work for a role, or that a session has changed. */
  notify(topic: string): void {
    this.pendingTopics.add(topic);
    this.flushSoon().catch(() => undefined);
  }

  /** Notifies this process only. */
  notifyHere(topic: string): void {
    this.listeners.wake(topic);
  }

  /** Calls `listener` at each notification of `topic`. Returns the function that ends the subscription. */
  subscribe(topic: string, listener: () => void): () => void {
    return this.listeners.subscribe(topic, listener);
  }

  /**
   * Sends `text`, within about 20 ms, to every connected process that listens to `topic`, including this one. Other processes
   * miss it. Rejects if PostgreSQL does not take it.
   */
  async announce(topic: string, text: string): Promise<void> {
    this.pendingAnnouncements.add(`${topic}:${text}`);
    await this.flushSoon();
  }

  /** Calls `listener` with each text announced under `topic`. A topic has no colon and one listener. */
  onAnnouncement(topic: string, listener: (text: string) => void): void {
    this.announcementHandlers.set(topic, listener);
  }

  /** Whether the process is stopping. Then no request should wait for work. */
  get isStopping(): boolean {
    return this.stopped;
  }

  private flushSoon(): Promise<void> {
    return (this.flushing ??= this.flush());
  }

  private async flush(): Promise<void> {
    if (!this.stopped) await sleep(COALESCE_MS, undefined, { ref: false });
    this.flushing = undefined;
    const topics = [...this.pendingTopics];
    const announcements = [...this.pendingAnnouncements];
    this.pendingTopics.clear();
    this.pendingAnnouncements.clear();
    try {
      await this.transactions.read((manager) =>
        sql(manager, NOTIFY, [CHANNEL, topics, ANNOUNCEMENTS, announcements]),
      );
    } catch (error) {
      // Other processes poll within a second.
      for (const topic of topics) this.listeners.wake(topic);
      throw error;
    }
  }

  private dispatchAnnouncement(announcement: string): void {
    const topic = announcement.slice(0, announcement.indexOf(':'));
    this.announcementHandlers.get(topic)?.(announcement.slice(topic.length + 1));
  }
}
