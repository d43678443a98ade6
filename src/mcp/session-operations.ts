import { Injectable } from '@nestjs/common';
import { WhoAmIDto } from '../auth/who-am-i.dto.js';
import { HeartbeatDto, ReleaseDto } from '../sessions/dto/lease.dto.js';
import { UpdateSessionDto } from '../sessions/dto/update-session.dto.js';
import { Leases } from '../sessions/leases.service.js';
import { SessionUpdates } from '../sessions/session-updates.service.js';
import { SessionsReader } from '../sessions/sessions-reader.service.js';
import { bodyAs, type LocalOperations, sessionOf } from './local-operation.js';

/** What `SessionsController` and `MeController` do over HTTP. */
@Injectable()
export class SessionOperations {
  constructor(
    private readonly reader: SessionsReader,
    private readonly updates: SessionUpdates,
    private readonly leases: Leases,
  ) {}

  readonly all = {
    who_am_i: {
      status: 200,
      run: ({ agent }) => Promise.resolve(new WhoAmIDto(agent)),
    },
    get_session: {
      status: 200,
      run: async (call) => this.reader.get(call.agent, sessionOf(call)),
    },
    update_session: {
      status: 200,
      run: async (call) =>
        this.updates.update(call.agent, sessionOf(call), await bodyAs(UpdateSessionDto, call)),
    },
    extend_lease: {
      status: 200,
      run: async (call) => {
        const { lease_seconds } = await bodyAs(HeartbeatDto, call);
        return this.leases.heartbeat(call.agent, sessionOf(call), lease_seconds);
      },
    },
    release_session: {
      status: 200,
      run: async (call) =>
        this.leases.release(call.agent, sessionOf(call), await bodyAs(ReleaseDto, call)),
    },
  } satisfies LocalOperations;
}
