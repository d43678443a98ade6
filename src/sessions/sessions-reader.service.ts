import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize, canReadEverything, type Relation, staffRelations } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { decodeCursor, keysetAt, toPage } from '../database/keyset.js';
import { sql, sqlPage } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { WhereClause } from '../database/where-clause.js';
import { InvalidInputError } from '../errors/domain-error.js';
import type { Reference } from '../common/ids.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { overdue, statusNow } from '../lifecycle/overdue.js';
import type { ListSessionsQuery } from './dto/list-sessions.query.js';
import { type SessionDto, type SessionPageDto, toSessionDto } from './dto/session.dto.js';
import type { Session } from './session.entity.js';
import { sessionNotFound } from './session-errors.js';

/** A session with the facts that the permission check needs. */
interface VisibleSession extends Session {
  /** Whether the session is an attempt at a task of which a role of the caller is a participant. */
  takes_part: boolean;
  overdue: boolean;
}

/** Reads sessions for callers that can see them. */
@Injectable()
export class SessionsReaderService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly expiry: ExpiryService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns one session by its id, or the latest attempt of a task by the id of the task.
   *
   * @throws DomainError `session.not_found` or `auth.forbidden`
   */
  async get(agent: Agent, reference: Reference): Promise<SessionDto> {
    const session = await this.find(agent, reference);
    if (!session?.overdue) return toSessionDto(readable(agent, session));
    await this.expiry.expireIfOverdue(session.id);
    return toSessionDto(
      readable(agent, await this.find(agent, { kind: 'session', id: session.id })),
    );
  }

  /** Whether the reference still leads to the same session at the same version. Reads neither content nor permissions. */
  async isUnchanged(
    { id, kind }: Reference,
    known: Pick<Session, 'id' | 'version'>,
  ): Promise<boolean> {
    const days = this.environment.SESSION_RETENTION_DAYS;
    const [now] = await this.transactions.readOne<
      Pick<VisibleSession, 'id' | 'version' | 'overdue'>
    >(VERSION, [id, days, kind ?? null]);
    return now?.id === known.id && now.version === known.version && !now.overdue;
  }

  /** Returns a page of the sessions that the caller can see, newest first. */
  async list(agent: Agent, query: ListSessionsQuery): Promise<SessionPageDto> {
    if (query.cursor !== undefined && query.page !== undefined) {
      throw new InvalidInputError([
        { pointer: '?page', message: 'page and cursor cannot be combined' },
      ]);
    }
    return this.transactions.read((manager) =>
      query.cursor === undefined
        ? this.numberedPage(manager, agent, query, query.page ?? 1)
        : this.pageAfter(manager, agent, query, query.cursor),
    );
  }

  private async find(agent: Agent, { id, kind }: Reference): Promise<VisibleSession | undefined> {
    const [session] = await this.transactions.readOne<VisibleSession>(FIND, [
      id,
      agent.roles,
      this.environment.SESSION_RETENTION_DAYS,
      kind ?? null,
    ]);
    return session;
  }

  private async numberedPage(
    manager: EntityManager,
    agent: Agent,
    query: ListSessionsQuery,
    page: number,
  ): Promise<SessionPageDto> {
    const where = this.filter(agent, query);
    const [count] = await sql<{ total: number }>(
      manager,
      `SELECT count(*)::integer AS total FROM sessions s ${where.toString()}`,
      where.parameters,
    );
    const offset = (page - 1) * query.page_size;
    return {
      ...(await this.select(manager, query, where, offset)),
      total: count?.total ?? 0,
      page,
    };
  }

  private async pageAfter(
    manager: EntityManager,
    agent: Agent,
    query: ListSessionsQuery,
    cursor: string,
  ): Promise<SessionPageDto> {
    const { at, id } = decodeCursor('sessions', cursor);
    const where = this.filter(agent, query).and(
      '(s.created_at, s.id) < (?::timestamptz, ?::uuid)',
      at,
      id,
    );
    return this.select(manager, query, where, 0);
  }

  private async select(
    manager: EntityManager,
    { page, page_size }: ListSessionsQuery,
    where: WhereClause,
    offset: number,
  ): Promise<SessionPageDto> {
    const status = statusNow('s', where.bind(this.environment.SESSION_RETENTION_DAYS));
    const found = await sqlPage<Session & { keyset_at: string }>(
      manager,
      `SELECT s.*, ${status} AS status, ${keysetAt('s.created_at')} AS keyset_at
         FROM sessions s ${where.toString()}
        ORDER BY s.created_at DESC, s.id DESC
        LIMIT ${where.bind(page_size + 1)} OFFSET ${where.bind(offset)}`,
      where.parameters,
    );
    if (page !== undefined && found.isTruncated && found.rows.length <= page_size)
      throw pageTooLarge();
    const { rows, next_cursor } = toPage('sessions', found, page_size);
    return { sessions: rows.map(toSessionDto), page_size, next_cursor };
  }

  private filter(agent: Agent, { role, status, task_id }: ListSessionsQuery): WhereClause {
    const where = new WhereClause();
    if (!canReadEverything(agent))
      where.and(`(s.role = ANY(?) OR ${TAKES_PART('?')})`, agent.roles, agent.roles);
    where.and('s.role = ?', role).and('s.task_id = ?', task_id);
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    if (status !== undefined) where.and(`${statusNow('s', '?')} = ?`, days, status);
    // Repeats part of the status condition in a form that an index serves.
    if (status !== undefined && status !== 'expired') where.and('s.status = ?', status);
    return where;
  }
}

const TAKES_PART = (roles: string): string =>
  `(s.attempt IS NOT NULL AND EXISTS (
     SELECT 1 FROM task_participants p WHERE p.task_id = s.task_id AND p.role = ANY(${roles})))`;

/**
 * FROM clause that finds the session `s` of the id `$1`: a session, or the latest attempt of a task.
 *
 * @param kind placeholder of the kind of the id; its value is null if the id has no prefix
 */
const referenced = (kind: string): string => `
    FROM (
      SELECT 1 AS precedence, own.* FROM sessions own
       WHERE own.id = $1 AND coalesce(${kind}, 'session') = 'session'
      UNION ALL
      (SELECT 2, attempt.* FROM sessions attempt
        WHERE attempt.task_id = $1 AND attempt.attempt IS NOT NULL AND coalesce(${kind}, 'task') = 'task'
        ORDER BY attempt.attempt DESC LIMIT 1)
    ) s
   ORDER BY s.precedence LIMIT 1`;

const FIND = `
  SELECT s.*, ${TAKES_PART('$2')} AS takes_part, ${overdue('s', '$3')} AS overdue
  ${referenced('$4')}`;

const VERSION = `SELECT s.id, s.version, ${overdue('s', '$2')} AS overdue ${referenced('$3')}`;

/** Error for a numbered page that was cut: the next page would skip the rows that were cut off. */
function pageTooLarge(): InvalidInputError {
  return new InvalidInputError([
    {
      pointer: '?page_size',
      message: 'The page exceeds the size of a response: use a smaller page_size, or cursor',
    },
  ]);
}

function readable(agent: Agent, session: VisibleSession | undefined): Session {
  if (!session) throw sessionNotFound();
  const relations = sessionRelations(agent, session);
  if (session.takes_part) relations.push('participant');
  authorize('sessions.read', relations, sessionNotFound);
  return session;
}

/** Returns the caller's relations to a session, without `participant`, which requires a read of the task. */
export function sessionRelations(agent: Agent, session: Session): Relation[] {
  const relations = staffRelations(agent);
  if (agent.roles.includes(session.role)) {
    relations.push('assignee');
    if (session.claimed_by === agent.subject) relations.push('claimant');
  }
  return relations;
}
