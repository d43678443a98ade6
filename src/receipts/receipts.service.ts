import { Injectable, Logger } from '@nestjs/common';
import { FormatError } from '../../packages/verify/src/encoding.js';
import { openHead } from '../../packages/verify/src/head.js';
import { type LogSigner, parseVerifierKey } from '../../packages/verify/src/note.js';
import { logsPolicy } from '../../packages/verify/src/policy.js';
import {
  buildReceipt,
  type Disclosure,
  type Receipt,
  type ReceiptSource,
  receiptText,
} from '../../packages/verify/src/receipt.js';
import { verifyReceipt } from '../../packages/verify/src/verify-receipt.js';
import { approvalNotFound } from '../approvals/approval-errors.js';
import type { ApprovalStatus } from '../approvals/approval-status.js';
import {
  ApprovalsReaderService,
  approvalRelations,
} from '../approvals/approvals-reader.service.js';
import { SigningError, signerOf } from '../audit-log/signing-key.js';
import { SigningKeyService } from '../audit-log/signing-key.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { TransactionsService } from '../database/transactions.service.js';
import { waitUntil } from '../database/wait-until.js';
import { DomainError } from '../errors/domain-error.js';
import { EventHubService } from '../events/event-hub.service.js';
import { ReceiptEvidenceService, type SealedEvidence } from './receipt-evidence.service.js';
import { ReceiptsRepository } from './receipts.repository.js';

/** Milliseconds between lookups of a head that covers the decision. */
const POLL_MS = 250;

/** A request for a receipt. */
export interface ReceiptRequest {
  wait_seconds?: number;
  disclose?: Disclosure;
}

/** Makes receipts of decided approvals, from the sealed events. They are not stored: a later one shows the consumption. */
@Injectable()
export class ReceiptsService {
  private readonly logger = new Logger(ReceiptsService.name);

  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly receipts: ReceiptsRepository,
    private readonly evidence: ReceiptEvidenceService,
    private readonly keys: SigningKeyService,
    private readonly hub: EventHubService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns a receipt as soon as a signed head covers all events of the approval.
   *
   * @param gone aborts when the client disconnects
   * @throws DomainError `approval.not_found`, `receipt.undecided`, `receipt.not_sealed`, `receipt.unavailable`,
   *   `audit.pruned`, `audit.seal_off` or `audit.unsigned`
   */
  async get(
    agent: Agent,
    id: string,
    { wait_seconds = 0, disclose = 'actors' }: ReceiptRequest,
    gone: AbortSignal,
  ): Promise<Receipt> {
    const { key } = this.keys;
    const sealed = await waitUntil(
      {
        read: () => this.find(agent, id),
        isMet: (found) => found !== undefined || !key,
        subscribe: () => () => undefined,
        pollMs: () => POLL_MS,
      },
      {
        deadline: performance.now() + this.environment.waitMs(wait_seconds),
        gone,
        source: this.hub,
      },
    );
    if (!key) throw unsigned();
    if (!sealed) throw notSealed();
    try {
      return await this.issue(id, sealed, disclose, signerOf(key, sealed.head.origin));
    } catch (error) {
      const isIncomplete = error instanceof DomainError && error.code === 'receipt.unavailable';
      if (isIncomplete && (await this.isArchived(id))) throw archived();
      throw error;
    }
  }

  private isArchived(id: string): Promise<boolean> {
    return this.transactions.read((manager) => this.receipts.isArchived(manager, id));
  }

  private find(agent: Agent, id: string): Promise<SealedEvidence | undefined> {
    return this.transactions.read(async (manager) => {
      const { approval, task } = await this.reader.getWithTask(manager, agent, id);
      authorize('approvals.receipt', approvalRelations(agent, approval, task), approvalNotFound);
      if (approval.status !== 'approved' && approval.status !== 'rejected') {
        throw undecided(approval.status);
      }
      return this.evidence.find(manager, await this.receipts.listEvents(manager, approval));
    });
  }

  /** Signs without an open transaction, because the signer can be a remote service. Verifies the receipt afterwards. */
  private async issue(
    approvalId: string,
    { events, head }: SealedEvidence,
    disclose: Disclosure,
    signer: LogSigner,
  ): Promise<Receipt> {
    const policy = logsPolicy([parseVerifierKey(signer.vkey)]);
    // While the key is rotated, the newest head can have the signature of another key.
    if (openHead(head.note, policy, new Map()).keys.length === 0) {
      throw this.keys.signs ? notSealed() : notSigning();
    }
    const issuedAt = Math.floor(Date.now() / 1_000);
    const source = { approvalId, events, head, disclose, issuedAt };
    const receipt = await this.build(source, signer);
    const { findings } = verifyReceipt(Buffer.from(receiptText(receipt)), { policy });
    const invalid = findings.find(({ kind }) => kind === 'INVALID');
    if (!invalid) return receipt;
    this.logger.warn(`approval-${approvalId} has no receipt: ${invalid.message}.`);
    throw unavailable(invalid.message);
  }

  /** Builds a receipt. Events that are not those of a decision, for example of an earlier version, have none. */
  private async build(source: ReceiptSource, signer: LogSigner): Promise<Receipt> {
    try {
      return await buildReceipt(source, signer);
    } catch (error) {
      if (error instanceof FormatError) throw unavailable(error.message);
      if (!(error instanceof SigningError)) throw error;
      this.logger.warn(`Receipts are not signed. ${error.message}`);
      throw signerFails();
    }
  }
}

function archived(): DomainError {
  return new DomainError(
    'audit.pruned',
    'Events of the approval are in the archive. Request the bundle with its entries from the operator.',
  );
}

function unavailable(reason: string): DomainError {
  return new DomainError(
    'receipt.unavailable',
    `The sealed events do not prove the decision: ${reason}. Events of earlier versions lack the facts of a receipt.`,
  );
}

function undecided(status: ApprovalStatus): DomainError {
  const next =
    status === 'pending' ? 'Wait for the decision with GET /approvals/{id}?wait_seconds=25.' : '';
  return new DomainError(
    'receipt.undecided',
    `The approval is ${status}. Only an approved or rejected approval has a receipt. ${next}`.trim(),
  );
}

function notSealed(): DomainError {
  return new DomainError(
    'receipt.not_sealed',
    'No signed head covers the decision yet. Repeat the request after a second, or wait with wait_seconds.',
    { retryAfter: 1 },
  );
}

function unsigned(): DomainError {
  return new DomainError(
    'audit.unsigned',
    'This instance has no signing key. An operator sets AUDIT_SIGNING_KEY.',
    { retryAfter: 1 },
  );
}

function notSigning(): DomainError {
  return new DomainError(
    'audit.unsigned',
    'The signing key of this instance is not the present key of the log. Repeat the request: another instance can respond to it.',
    { retryAfter: 1 },
  );
}

function signerFails(): DomainError {
  return new DomainError(
    'audit.unsigned',
    'The service that signs receipts fails. Repeat the request later; the log of the controller has the reason.',
    { retryAfter: 5 },
  );
}
