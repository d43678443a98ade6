import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ReplayRules } from '../idempotency/replay-rules.js';

/** A heartbeat is executed each time: a record would state a lease that has ended. */
@Injectable()
export class SessionReplaysService implements OnModuleInit {
  constructor(private readonly rules: ReplayRules) {}

  onModuleInit(): void {
    this.rules.add({ method: 'POST', path: /^\/sessions\/[^/]+\/heartbeat\/?$/i });
  }
}
