import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize, canReadEverything, type Relation, staffRelations } from '../auth/policy.js';
import { type CursorRow, decodeCursor, toPage } from '../database/keyset.js';
import type { RowPage } from '../database/sql.js';
import { ListReadsService } from '../database/replica/list-reads.service.js';
import { InvalidInputError } from '../errors/domain-error.js';
import type { Reference } from '../common/ids.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import type { ListSessionsQuery } from './dto/list-sessions.query.js';
import type { SessionPageDto } from './dto/session-page.dto.js';
import { type SessionDto, toSessionDto } from './dto/session.dto.js';
import type { Session } from './session.entity.js';
import { sessionNotFound } from './session-errors.js';
import { type SessionFilter, SessionListsRepository } from './session-lists.repository.js';
import { SessionsRepository, type VisibleSession } from './sessions.repository.js';

/** Number of sessions that numbered pages contain and count. */
const MAX_NUMBERED = 10_000;

/** Reads sessions for callers that can see them. */
@Injectable()
export class SessionsReaderService {
  constructor(
    private readonly reads: ListReadsService,
    private readonly expiry: ExpiryService,
    private readonly sessions: SessionsRepository,
    private readonly lists: SessionListsRepository,
  ) {}

  /**
   * Returns one session by its id, or the latest attempt of a task by the id of the task.
   *
   * @throws DomainError `session.not_found` or `auth.forbidden`
   */
  async get(agent: Agent, reference: Reference): Promise<SessionDto> {
    const session = await this.sessions.find(reference, agent.roles);
    if (!session?.overdue) return toSessionDto(readable(agent, session));
    await this.expiry.expireIfOverdue(session.id);
    const expired = { kind: 'session', id: session.id } as const;
    return toSessionDto(readable(agent, await this.sessions.find(expired, agent.roles)));
  }

  /** Whether the reference still leads to the same session at the same version. Reads neither content nor permissions. */
  async isUnchanged(
    reference: Reference,
    known: Pick<Session, 'id' | 'version'>,
  ): Promise<boolean> {
    const now = await this.sessions.findVersion(reference);
    return now?.id === known.id && now.version === known.version && !now.overdue;
  }

  /** Returns a page of the sessions that the caller can see, newest first. */
  async list(agent: Agent, query: ListSessionsQuery): Promise<SessionPageDto> {
    if (query.cursor !== undefined && query.page !== undefined) {
      throw new InvalidInputError([
        { pointer: '?page', message: 'page and cursor cannot be combined' },
      ]);
    }
    const filter = filterOf(agent, query);
    return this.reads.read((manager) =>
      query.cursor === undefined
        ? this.numberedPage(manager, filter, query)
        : this.pageAfter(manager, filter, query, query.cursor),
    );
  }

  /** Returns the attempts of a task, oldest first. If they exceed the size of a page, the oldest are missing. */
  async listAttempts(manager: EntityManager, taskId: string): Promise<RowPage<SessionDto>> {
    const { rows, isTruncated } = await this.lists.listAttempts(manager, taskId);
    return { rows: rows.reverse().map(toSessionDto), isTruncated };
  }

  private async numberedPage(
    manager: EntityManager,
    filter: SessionFilter,
    { page, page_size }: ListSessionsQuery,
  ): Promise<SessionPageDto> {
    const number = page ?? 1;
    if (number * page_size > MAX_NUMBERED) throw pageTooDeep();
    const start = { offset: (number - 1) * page_size };
    const [{ total, isExact }, found] = await Promise.all([
      this.lists.count(manager, filter, MAX_NUMBERED),
      this.lists.list(manager, filter, start, page_size + 1),
    ]);
    if (page !== undefined && found.isTruncated && found.rows.length <= page_size)
      throw pageTooLarge();
    if (number > 1 && found.rows.some(({ is_last_read }) => is_last_read === true))
      throw pageTooDeep();
    return { ...toPageDto(found, page_size), total, total_is_exact: isExact, page: number };
  }

  private async pageAfter(
    manager: EntityManager,
    filter: SessionFilter,
    { page_size }: ListSessionsQuery,
    cursor: string,
  ): Promise<SessionPageDto> {
    const start = { after: decodeCursor('sessions', cursor) };
    return toPageDto(await this.lists.list(manager, filter, start, page_size + 1), page_size);
  }
}

function filterOf(agent: Agent, query: ListSessionsQuery): SessionFilter {
  const { role, status, task_id } = query;
  const participants = canReadEverything(agent) ? undefined : agent.roles;
  const claimed_by = query.claimed_by && agent.subject;
  return { participants, role, status, task_id, claimed_by };
}

function toPageDto(found: RowPage<Session & CursorRow>, page_size: number): SessionPageDto {
  const { rows, next_cursor } = toPage('sessions', found, page_size);
  return { sessions: rows.map(toSessionDto), page_size, next_cursor };
}

/** Error for a numbered page beyond the sessions that numbered pages reach. */
function pageTooDeep(): InvalidInputError {
  return new InvalidInputError([
    {
      pointer: '?page',
      message: `Numbered pages contain the newest ${MAX_NUMBERED} sessions at most: follow next_cursor instead`,
    },
  ]);
}

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
