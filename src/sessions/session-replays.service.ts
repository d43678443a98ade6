import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ReplayRulesService } from '../idempotency/replay-rules.service.js';

/** Excludes heartbeats from replay: a stored response would contain a lease expiry that has passed. */
@Injectable()
export class SessionReplaysService implements OnModuleInit {
  constructor(private readonly rules: ReplayRulesService) {}

  onModuleInit(): void {
    this.rules.add({ method: 'POST', path: /^\/sessions\/[^/]+\/heartbeat\/?$/i });
  }
}
