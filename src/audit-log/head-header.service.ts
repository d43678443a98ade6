import { Injectable, Logger } from '@nestjs/common';
import { parseCheckpoint, parseNote } from '../../packages/verify/src/note.js';
import { Environment } from '../config/environment.js';
import { TransactionsService } from '../database/transactions.service.js';
import { messageOf } from '../errors/error-text.js';
import type { LogProgress } from './audit-log.repository.js';
import { AuditLogStateService } from './audit-log-state.service.js';
import { ServedHeadsService } from './served-heads.service.js';

/** The newest head of the sealed log as the value of a response header. */
@Injectable()
export class HeadHeaderService {
  private readonly logger = new Logger(HeadHeaderService.name);
  /** `<size> <root> <signature>`: the lines of the note, in base64. Undefined: no head is known. */
  value: string | undefined;
  private shown?: { origin: string; size: number };

  constructor(
    private readonly heads: ServedHeadsService,
    private readonly transactions: TransactionsService,
    { AUDIT_HEAD_HEADER }: Environment,
    state: AuditLogStateService,
  ) {
    if (AUDIT_HEAD_HEADER === 'off') return;
    state.onObserved((progress) => {
      this.refresh(progress).catch((error: unknown) => {
        // The header keeps its value until the next observation.
        this.logger.debug(`Cannot read the newest head. ${messageOf(error)}`);
      });
    });
  }

  /** Reads the newest head, unless it is the one that is shown. */
  private async refresh({ log, origin, served }: LogProgress): Promise<void> {
    if (served === 0) return;
    if (this.shown?.origin === origin && this.shown.size === served) return;
    const head = await this.transactions.read((manager) => this.heads.findNewest(manager, log));
    if (!head) return;
    this.value = valueOf(head.checkpoint);
    this.shown = { origin, size: head.size };
  }
}

/** The first signature of a note is that of the log over its text. */
function valueOf(checkpoint: string): string {
  const { text, signatures } = parseNote(checkpoint);
  const { size, root } = parseCheckpoint(text);
  const [first] = signatures;
  const signature = Buffer.concat([
    Buffer.from(first?.keyId ?? '', 'hex'),
    first?.signature ?? Buffer.alloc(0),
  ]);
  return `${size} ${root.toString('base64')} ${signature.toString('base64')}`;
}
