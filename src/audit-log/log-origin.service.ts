import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { DatabaseStartupService } from '../database/database-startup.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditLogRepository } from './audit-log.repository.js';

/** The configured name is not the one that the heads of the log have. The message contains the fix. */
class OriginChangedError extends Error {}

/** Names the first log. Its name never changes, since all heads contain it. */
@Injectable()
export class LogOriginService {
  private hasLog = false;

  constructor(
    private readonly logs: AuditLogRepository,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
    startup: DatabaseStartupService,
  ) {
    startup.addCheck(() => this.assertUnchanged());
  }

  /** Begins the first log, unless there is one. */
  async ensureLog(): Promise<void> {
    if (this.hasLog) return;
    const log = await this.transactions.read((manager) => this.logs.find(manager));
    if (!log) {
      const origin = originOf(this.environment);
      await this.transactions.runInNewTransaction((manager) =>
        this.logs.begin(manager, { log: 1, origin, first_position: 1 }),
      );
    }
    this.hasLog = true;
  }

  /** @throws OriginChangedError */
  private async assertUnchanged(): Promise<void> {
    const { AUDIT_LOG_ORIGIN } = this.environment;
    if (AUDIT_LOG_ORIGIN === undefined) return;
    const [first] = await this.transactions.read((manager) => this.logs.list(manager));
    if (!first || first.origin === AUDIT_LOG_ORIGIN) return;
    throw new OriginChangedError(
      `AUDIT_LOG_ORIGIN must stay ${first.origin}: the signed heads of the audit log have this name.`,
    );
  }
}

function originOf({ AUDIT_LOG_ORIGIN, PUBLIC_URL, isEmbedded }: Environment): string {
  if (AUDIT_LOG_ORIGIN !== undefined) return AUDIT_LOG_ORIGIN;
  if (PUBLIC_URL !== undefined) return `${new URL(PUBLIC_URL).host}/audit/log`;
  return `${isEmbedded ? 'agent-mesh-dev' : 'agent-mesh'}/${randomBytes(4).toString('hex')}`;
}
