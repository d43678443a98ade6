import { Injectable, Logger } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import type { LogProgress } from './audit-log.repository.js';
import { SigningKeyService } from './signing-key.service.js';

export const AUDIT_LOG_STATES = ['sealing', 'unsigned', 'lagging', 'diverged', 'off'] as const;

/**
 * `sealing`: events are sealed, and heads signed. `unsigned`: there is no signing key, or another key is the present key of
 * the log. `lagging`: events wait for longer than half a minute. `diverged`: the log contradicts a published head, so nothing
 * is signed. `off`: this instance does not seal.
 */
export type AuditLogState = (typeof AUDIT_LOG_STATES)[number];

/** Seconds that the oldest event may wait for its seal and its head. */
const LAG_SECONDS = 30;

/** The state of the sealed log, as this instance has last observed it. */
@Injectable()
export class AuditLogStateService {
  private readonly logger = new Logger(AuditLogStateService.name);
  private readonly startedAt = performance.now();
  private observed?: { at: number; origin: string; seconds: number };
  private readonly listeners: ((progress: LogProgress) => void)[] = [];
  private divergence?: { origin: string | undefined; reason: string };

  constructor(
    private readonly environment: Environment,
    private readonly keys: SigningKeyService,
  ) {}

  get state(): AuditLogState {
    if (!this.environment.AUDIT_SEAL) return 'off';
    if (this.divergence !== undefined) return 'diverged';
    if (this.lagSeconds() > LAG_SECONDS) return 'lagging';
    return this.keys.signs ? 'sealing' : 'unsigned';
  }

  /** Calls `listener` with each observation. */
  onObserved(listener: (progress: LogProgress) => void): void {
    this.listeners.push(listener);
  }

  /** Records how far the log is behind the events. A log that continues one that has diverged is another log. */
  observe(progress: LogProgress): void {
    const { origin, unsealed_seconds, unsigned_seconds } = progress;
    const seconds = this.keys.signs ? unsigned_seconds : unsealed_seconds;
    this.observed = { at: performance.now(), origin, seconds };
    for (const listener of this.listeners) listener(progress);
    if (!this.divergence) return;
    this.divergence.origin ??= origin;
    if (this.divergence.origin === origin) return;
    this.logger.log(`The audit log is continued by ${origin}.`);
    this.divergence = undefined;
  }

  /** Records that the log contradicts a published head; undefined: it does not. */
  setDivergence(reason: string | undefined): void {
    if (reason !== undefined && reason !== this.divergence?.reason) {
      this.logger.error(`The audit log has diverged, and is not signed. ${reason}`);
    } else if (reason === undefined && this.divergence !== undefined) {
      this.logger.log('The audit log is signed again.');
    }
    this.divergence = reason === undefined ? undefined : { origin: this.observed?.origin, reason };
  }

  /** Without observations the lag grows, since nothing shows that events are sealed. */
  private lagSeconds(): number {
    const { at, seconds } = this.observed ?? { at: this.startedAt, seconds: 0 };
    return seconds + Math.max((performance.now() - at) / 1_000 - POLL_SECONDS, 0);
  }
}

/** Longest time between two observations of an idle instance. */
const POLL_SECONDS = 5;
