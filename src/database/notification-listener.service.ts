import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { explainError } from '../errors/error-text.js';
import { DatabaseAddresses } from './database-addresses.js';
import { clientOptions, CONNECTION_NAMES } from './database-options.js';
import { PostgresClient } from './postgres-client.js';
import { PostgresServer } from './postgres-server.js';
import { sql } from './sql.js';
import { TransactionsService } from './transactions.service.js';

/** The receiver of notifications. */
export interface NotificationReceiver {
  receive(channel: string, payload: string): void;
  /** Notifications may have been missed before. */
  listening(): void;
}

/** Milliseconds between two attempts to connect. */
const RECONNECT_MS = 1_000;
/** The same, behind a pooler that does not pass notifications on. */
const POOLED_RECONNECT_MS = 60_000;
/** Milliseconds between two heartbeats: notifications that this process sends to itself. */
const HEARTBEAT_MS = 10_000;
/** Milliseconds in which a heartbeat has to arrive. */
const ARRIVAL_MS = 5_000;

/**
 * The dedicated connection for LISTEN. Heartbeats check that notifications arrive: a connection can be lost without an
 * error, and a pooler in transaction mode accepts LISTEN but passes no notification on. Reconnects without a limit.
 */
@Injectable()
export class NotificationListenerService {
  private readonly logger = new Logger(NotificationListenerService.name);
  private readonly heartbeatChannel = `agent_mesh_heartbeat_${randomBytes(8).toString('hex')}`;
  private readonly stopping = new AbortController();
  private readonly server = new PostgresServer();
  private client?: PostgresClient;
  private arrivals = 0;
  private isListening = false;
  private hasFailed = false;

  constructor(
    private readonly transactions: TransactionsService,
    private readonly addresses: DatabaseAddresses,
  ) {}

  /** Whether no notifications arrive, so that waiting requests only poll. False until the first attempt has failed. */
  get isPolling(): boolean {
    return this.hasFailed;
  }

  /** Listens to the channels until {@link stop}. */
  async run(channels: readonly string[], receiver: NotificationReceiver): Promise<void> {
    while (!this.stopping.signal.aborted) {
      let isPooled = false;
      try {
        const client = await this.connect(channels, receiver);
        isPooled = client.isPooled;
        await this.watch(client, receiver);
      } catch (error) {
        this.report(error, isPooled);
      }
      this.isListening = false;
      void this.client?.end().catch(() => undefined);
      await this.pause(isPooled ? POOLED_RECONNECT_MS : RECONNECT_MS);
    }
  }

  stop(): void {
    this.stopping.abort();
    void this.client?.end().catch(() => undefined);
  }

  private async connect(
    channels: readonly string[],
    receiver: NotificationReceiver,
  ): Promise<PostgresClient> {
    const { direct, settings } = this.addresses;
    const client = new PostgresClient({
      ...clientOptions(direct, { ...settings, usesPreparedStatements: false }),
      // Each connection remembers the timeline of the primary before.
      server: this.server,
      application_name: CONNECTION_NAMES.notifications,
    });
    this.client = client;
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === this.heartbeatChannel) this.arrivals += 1;
      else receiver.receive(channel, payload);
    });
    await client.connect();
    await client.query(
      [...channels, this.heartbeatChannel].map((channel) => `LISTEN ${channel}`).join('; '),
    );
    return client;
  }

  /** Checks with heartbeats that notifications arrive. Rejects when they do not, or when the connection ends. */
  private async watch(client: PostgresClient, receiver: NotificationReceiver): Promise<void> {
    const ended = new Promise<never>((_, reject) => {
      client.once('end', () => {
        reject(new Error('The connection has ended.'));
      });
    });
    ended.catch(() => undefined);
    if (!client.isPooled) this.begin(receiver);
    while (!this.stopping.signal.aborted) {
      const hasArrived = await Promise.race([this.heartbeat(), ended]);
      if (hasArrived && !this.isListening) this.begin(receiver);
      await Promise.race([this.pause(HEARTBEAT_MS), ended]);
    }
  }

  private begin(receiver: NotificationReceiver): void {
    this.isListening = true;
    if (this.hasFailed) this.logger.log('The connection for LISTEN is open again.');
    this.hasFailed = false;
    receiver.listening();
  }

  /** Whether a notification arrives; false if it cannot be sent. Rejects if it was sent and does not arrive. */
  private async heartbeat(): Promise<boolean> {
    const before = this.arrivals;
    try {
      await this.transactions.read((manager) =>
        sql(manager, `SELECT pg_notify($1, '')`, [this.heartbeatChannel]),
      );
    } catch {
      return false;
    }
    const deadline = performance.now() + ARRIVAL_MS;
    while (this.arrivals === before && !this.stopping.signal.aborted) {
      await this.pause(50);
      // After a blocked turn of the event loop, the notification can be in the socket.
      await nextTurn();
      if (performance.now() > deadline && this.arrivals === before) {
        throw new Error('A notification did not arrive.');
      }
    }
    return true;
  }

  private report(error: unknown, isPooled: boolean): void {
    if (this.stopping.signal.aborted || this.hasFailed) return;
    this.hasFailed = true;
    const advice = isPooled
      ? ' The pooler does not pass notifications on: set DATABASE_DIRECT_URL to PostgreSQL itself.'
      : '';
    this.logger.warn(
      `The connection for LISTEN is not open. Waiting requests poll once a second.${advice} ${explainError(error)}`,
    );
  }

  private async pause(ms: number): Promise<void> {
    const { signal } = this.stopping;
    await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
