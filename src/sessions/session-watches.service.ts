import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { sessionTopic, WorkNotifierService } from '../database/work-notifier.service.js';
import { waitUntil } from '../database/wait-until.js';
import type { Reference } from '../common/ids.js';
import type { SessionDto } from './dto/session.dto.js';
import type { WatchQuery } from './dto/watch.query.js';
import { etagOf, matchesNone, type Revalidated } from './etag.js';
import { SessionsReaderService } from './sessions-reader.service.js';

/** Milliseconds between reads of the session. They find changes of which no notification arrived. */
const POLL_EVERY_MS = 1_000;

/** Waits for changes of a session. A waiting request has no database connection. */
@Injectable()
export class SessionWatchesService {
  constructor(
    private readonly reader: SessionsReaderService,
    private readonly workNotifier: WorkNotifierService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns the session at once if its version differs from `ifNoneMatch` or `version`. Otherwise, and without both, waits
   * until it changes, `wait_seconds` have passed, the process stops or the client disconnects. The permission to read the
   * session is checked before and after the wait.
   *
   * @throws DomainError `session.not_found`
   */
  async wait(
    agent: Agent,
    reference: Reference,
    { wait_seconds = 0, version, ifNoneMatch }: WatchQuery & { ifNoneMatch: string | undefined },
    gone: AbortSignal,
  ): Promise<Revalidated<SessionDto>> {
    const deadline = performance.now() + this.environment.waitMs(wait_seconds);
    const first = await this.reader.get(agent, reference);
    const etag = etagOf(first);
    const isKnown =
      (version === undefined || version === first.version) && !matchesNone(ifNoneMatch, etag);
    if (!isKnown) return { value: first, etag, isNotModified: false };
    const isConditional = ifNoneMatch !== undefined;
    if (wait_seconds === 0) return { value: first, etag, isNotModified: isConditional };
    await this.untilChanged(reference, first, deadline, gone);
    const value = await this.reader.get(agent, reference);
    const present = etagOf(value);
    return { value, etag: present, isNotModified: isConditional && present === etag };
  }

  private untilChanged(
    reference: Reference,
    known: SessionDto,
    deadline: number,
    gone: AbortSignal,
  ): Promise<boolean> {
    return waitUntil(
      {
        read: () => this.reader.isUnchanged(reference, known),
        isMet: (isUnchanged) => !isUnchanged,
        subscribe: (wake) => this.workNotifier.subscribe(sessionTopic(known.id), wake),
        pollMs: () => POLL_EVERY_MS,
      },
      { deadline, gone, source: this.workNotifier },
    );
  }
}
