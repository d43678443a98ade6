import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { SealedLog } from './audit-log.repository.js';
import { KeyEventsRepository } from './key-events.repository.js';
import { LogKeyring } from './log-keyring.js';
import { SigningKeyService } from './signing-key.service.js';

/** Reads the keys of a log. */
@Injectable()
export class LogKeyringService {
  constructor(
    private readonly events: KeyEventsRepository,
    private readonly keys: SigningKeyService,
  ) {}

  async read(
    manager: EntityManager,
    { log, origin }: Pick<SealedLog, 'log' | 'origin'>,
  ): Promise<LogKeyring> {
    const events = await this.events.list(manager, log);
    return new LogKeyring(origin, this.keys.publicKeys(), events);
  }
}
