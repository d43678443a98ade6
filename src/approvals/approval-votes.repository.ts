import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { insertInto, insertSelect, statement } from '../database/statement.js';
import type { Decision } from './approval-status.js';
import type { ApprovalVote } from './approval-vote.entity.js';
import { voteCounts } from './approval-rows.sql.js';
import { isCounted } from './counted-votes.sql.js';
import type { VoteRenewal } from './vote-renewal.entity.js';

/** The values of a new vote. */
export type NewVote = Pick<
  ApprovalVote,
  'approval_id' | 'chain_id' | 'subject' | 'decision' | 'notes' | 'kind'
>;

/** A vote that counts. */
export type CountedVote = Pick<ApprovalVote, 'subject' | 'decision'>;

/** The result of a vote. */
export interface CastVote {
  /** Number of votes that count, with this one. */
  votes: number;
  /** The earlier vote of the subject that this one changes. */
  changed_from?: Decision;
  /** The time of the stored vote, as text of PostgreSQL. Undefined if none was stored. */
  at?: string;
  /** Whether it renews a vote that no longer counted. */
  renewed?: true;
}

/** Runs the statements of the tables `approval_votes` and `vote_renewals`. */
@Injectable()
export class ApprovalVotesRepository {
  /** Returns the votes that count for an approval, oldest first. */
  listCounted(manager: EntityManager, approvalId: string): Promise<CountedVote[]> {
    return sql(manager, COUNTED, [approvalId]);
  }

  /** Returns whether the subject has voted in a chain. */
  async hasVoted(manager: EntityManager, chainId: string, subject: string): Promise<boolean> {
    const text = `SELECT 1 FROM approval_votes WHERE chain_id = $1 AND subject = $2`;
    return (await sql(manager, text, [chainId, subject])).length > 0;
  }

  /**
   * Inserts a vote and counts the votes. Returns undefined if the subject has already voted in this chain. Exceptions: a
   * vote to approve can be changed to a rejection, which is decisive, so that the stored vote stays; a vote that no
   * longer counts is renewed.
   */
  async cast(manager: EntityManager, vote: NewVote): Promise<CastVote | undefined> {
    const [renewed, inserted, counted] = await Promise.all([
      sql<{ at: string }>(manager, ...RENEW(vote)),
      sql<{ at: string }>(manager, ...INSERT(vote)),
      this.listCounted(manager, vote.approval_id),
    ]);
    const votes = counted.length;
    if (renewed[0]) return { votes, ...renewed[0], renewed: true };
    if (inserted[0]) return { votes, ...inserted[0] };
    const before = counted.find(({ subject }) => subject === vote.subject);
    if (before?.decision !== 'approved' || vote.decision !== 'rejected') return undefined;
    return { votes, changed_from: 'approved' };
  }
}

const COUNTED = `
  SELECT v.subject, v.decision FROM approvals a JOIN approval_votes v ON v.approval_id = a.id
   WHERE a.id = $1 AND ${voteCounts('a')} ORDER BY v.created_at`;

const INSERT = statement<NewVote>(
  (value) => `
  ${insertInto<NewVote>('approval_votes', {
    approval_id: value.approval_id,
    chain_id: value.chain_id,
    subject: value.subject,
    decision: value.decision,
    notes: value.notes,
    kind: value.kind,
  })}
  ON CONFLICT DO NOTHING RETURNING created_at::text AS at`,
);

const RENEW = statement<NewVote>(
  ({ approval_id, subject, decision, notes }) => `
  ${insertSelect<Partial<VoteRenewal>>('vote_renewals', {
    approval_id: 'v.approval_id',
    subject: 'v.subject',
    decision: `${decision}::varchar`,
    notes: `${notes}::text`,
  })}
    FROM approval_votes v JOIN approvals a ON a.id = v.approval_id
   WHERE v.approval_id = ${approval_id} AND v.subject = ${subject} AND NOT ${isCounted('a')}
  RETURNING renewed_at::text AS at`,
);
