import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { sessionTopic, WorkNotifierService } from '../database/work-notifier.service.js';
import { Wakeup } from '../database/wakeup.js';
import type { Reference } from '../common/ids.js';
import type { SessionDto } from './dto/session.dto.js';
import type { WatchQuery } from './dto/watch.query.js';
import { etagOf, matchesNone } from './etag.js';
import { SessionsReaderService } from './sessions-reader.service.js';

/** Milliseconds between reads of the session. They find changes of which no notification arrived. */
const POLL_EVERY_MS = 1_000;

/** A session, and whether it is still at the version that the caller has. */
export interface Watched {
  session: SessionDto;
  isUnchanged: boolean;
}

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
  ): Promise<Watched> {
    const deadline = performance.now() + this.environment.waitMs(wait_seconds);
    const first = await this.reader.get(agent, reference);
    const isKnown =
      (version === undefined || version === first.version) && !matchesNone(ifNoneMatch, first);
    if (!isKnown) return { session: first, isUnchanged: false };
    if (wait_seconds > 0) await this.untilChanged(reference, first, deadline, gone);
    const session = wait_seconds > 0 ? await this.reader.get(agent, reference) : first;
    return { session, isUnchanged: etagOf(session) === etagOf(first) };
  }

  private async untilChanged(
    reference: Reference,
    known: SessionDto,
    deadline: number,
    gone: AbortSignal,
  ): Promise<void> {
    const wakeup = new Wakeup();
    const wake = (): void => {
      wakeup.raise();
    };
    // Subscribes before the next read, so that no change between the two is missed.
    const unsubscribe = this.workNotifier.subscribe(sessionTopic(known.id), wake);
    gone.addEventListener('abort', wake);
    try {
      while (!gone.aborted && !this.workNotifier.isStopping) {
        const isUnchanged = await this.reader.isUnchanged(reference, known);
        const left = deadline - performance.now();
        if (!isUnchanged || left <= 0) return;
        await wakeup.raisedWithin(Math.min(POLL_EVERY_MS, left));
      }
    } finally {
      unsubscribe();
      gone.removeEventListener('abort', wake);
    }
  }
}
