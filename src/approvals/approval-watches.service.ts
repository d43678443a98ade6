import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { StateWatchesService, type StateWatch } from '../events/state-watches.service.js';
import { type Revalidated, weakEtagOf } from '../http/etag.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import type { ApprovalDto } from './dto/approval.dto.js';

/** Waits for changes of an approval. */
@Injectable()
export class ApprovalWatchesService {
  constructor(
    private readonly reader: ApprovalsReaderService,
    private readonly watches: StateWatchesService,
  ) {}

  /**
   * Returns an approval as soon as it differs from the version that the caller has, see {@link StateWatchesService.watch}.
   *
   * @throws DomainError `approval.not_found`
   */
  wait(
    agent: Agent,
    id: string,
    watch: StateWatch,
    gone: AbortSignal,
  ): Promise<Revalidated<ApprovalDto>> {
    const resource = {
      read: () => this.reader.get(agent, id),
      etagOf: approvalEtag,
      taskIdOf: ({ task_id }: ApprovalDto) => task_id,
      hasEnded: ({ status }: ApprovalDto) => status !== 'pending',
      changesAt: approvalExpiry,
    };
    return this.watches.watch(resource, watch, gone);
  }
}

/** Returns the entity tag of an approval. The payload never changes. */
export function approvalEtag(approval: ApprovalDto): string {
  return weakEtagOf({ ...approval, payload: undefined });
}

/** Returns the time at which a pending approval expires. */
export function approvalExpiry({ status, expires_at }: ApprovalDto): Date | undefined {
  return status === 'pending' ? (expires_at ?? undefined) : undefined;
}
