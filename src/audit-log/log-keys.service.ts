import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { thumbprint, toJwk } from '../../packages/verify/src/jws.js';
import { noteVerifier } from '../../packages/verify/src/note.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { AuditLogRepository } from './audit-log.repository.js';
import type { LogKeyDto, LogKeysDto } from './dto/log-keys.dto.js';
import { SigningKeyService } from './signing-key.service.js';

/** Lists the public keys of the log that grows. */
@Injectable()
export class LogKeysService {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly keys: SigningKeyService,
    private readonly transactions: TransactionsService,
  ) {}

  /** @throws DomainError `audit.seal_off` */
  list(): Promise<LogKeysDto> {
    return this.transactions.read((manager) => this.listIn(manager));
  }

  private async listIn(manager: EntityManager): Promise<LogKeysDto> {
    const log = await this.logs.find(manager);
    if (!log) throw new DomainError('audit.seal_off', 'No instance has sealed the audit log.');
    const keys = this.keys.publicKeys().map((key) => toLogKey(log.origin, key));
    return { origin: log.origin, keys };
  }
}

function toLogKey(origin: string, publicKey: Buffer): LogKeyDto {
  return {
    vkey: noteVerifier(origin, publicKey).vkey,
    jwk: { ...toJwk(publicKey), kid: thumbprint(publicKey) },
    from_size: 0,
    until_size: null,
    revoked: false,
  };
}
