import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { thumbprint, toJwk } from '../../packages/verify/src/jws.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { AuditLogRepository } from './audit-log.repository.js';
import type { LogKeyDto, LogKeysDto } from './dto/log-keys.dto.js';
import type { KeyPeriod } from './log-keyring.js';
import { LogKeyringService } from './log-keyring.service.js';

/** Lists the public keys of the log that grows. */
@Injectable()
export class LogKeysService {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly keyrings: LogKeyringService,
    private readonly transactions: TransactionsService,
  ) {}

  /** @throws DomainError `audit.seal_off` */
  list(): Promise<LogKeysDto> {
    return this.transactions.read((manager) => this.listIn(manager));
  }

  private async listIn(manager: EntityManager): Promise<LogKeysDto> {
    const log = await this.logs.find(manager);
    if (!log) throw new DomainError('audit.seal_off', 'No instance has sealed the audit log.');
    const keyring = await this.keyrings.read(manager, log);
    return { origin: log.origin, keys: keyring.periods().map(toLogKey) };
  }
}

function toLogKey({ verifier, from, until, isRevoked }: KeyPeriod): LogKeyDto {
  const { vkey, publicKey } = verifier;
  return {
    vkey,
    jwk: { ...toJwk(publicKey), kid: thumbprint(publicKey) },
    from_size: from,
    until_size: until ?? null,
    revoked: isRevoked,
  };
}
