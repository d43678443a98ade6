import { Injectable } from '@nestjs/common';
import { CallerDto } from '../../auth/caller.dto.js';
import { HeartbeatDto, ReleaseDto } from '../../sessions/dto/lease.dto.js';
import { UpdateSessionDto } from '../../sessions/dto/update-session.dto.js';
import { WatchQuery } from '../../sessions/dto/watch.query.js';
import { LeasesService } from '../../sessions/leases.service.js';
import { SessionWatchesService } from '../../sessions/session-watches.service.js';
import { SessionUpdatesService } from '../../sessions/session-updates.service.js';
import { SessionsReaderService } from '../../sessions/sessions-reader.service.js';
import {
  bodyAs,
  type InProcessOperations,
  queryAs,
  sessionReferenceOf,
} from './in-process-operation.js';

/** The operations of `SessionsController` and `MeController`, without HTTP. */
@Injectable()
export class SessionOperationsService {
  constructor(
    private readonly reader: SessionsReaderService,
    private readonly watches: SessionWatchesService,
    private readonly updates: SessionUpdatesService,
    private readonly leases: LeasesService,
  ) {}

  readonly all = {
    who_am_i: {
      status: 200,
      run: ({ agent }) => Promise.resolve(new CallerDto(agent)),
    },
    get_session: {
      status: 200,
      run: async (call) => {
        const query = await queryAs(WatchQuery, call);
        const reference = sessionReferenceOf(call);
        if (query.wait_seconds === undefined) return this.reader.get(call.agent, reference);
        const known = { ...query, ifNoneMatch: undefined };
        return (await this.watches.wait(call.agent, reference, known, call.gone)).value;
      },
    },
    update_session: {
      status: 200,
      run: async (call) =>
        this.updates.update(
          call.agent,
          sessionReferenceOf(call),
          await bodyAs(UpdateSessionDto, call),
        ),
    },
    extend_lease: {
      status: 200,
      run: async (call) => {
        const { lease_seconds } = await bodyAs(HeartbeatDto, call);
        return this.leases.heartbeat(call.agent, sessionReferenceOf(call), lease_seconds);
      },
    },
    release_session: {
      status: 200,
      run: async (call) =>
        this.leases.release(call.agent, sessionReferenceOf(call), await bodyAs(ReleaseDto, call)),
    },
  } satisfies InProcessOperations;
}
