import type { StreamResponse } from '@a2a-js/sdk';
import type { ServerCallContext } from '@a2a-js/sdk/server';
import type { Agent } from '../auth/agent.js';

/** The caller of an operation, as the SDK passes it on. */
export class A2aCaller {
  readonly isAuthenticated = true;
  /** The error of the operation, which the response reports in its own form. */
  failure?: unknown;
  /** The stream of the operation, which is open before the SDK asks for it. */
  stream?: AsyncGenerator<StreamResponse, void, undefined>;

  constructor(
    readonly agent: Agent,
    readonly publicUrl: string,
    /** Aborted when the client disconnects. */
    readonly gone: AbortSignal,
    /** Whether the client receives a stream too slowly. */
    readonly isSlow: () => boolean,
  ) {}

  get userName(): string {
    return this.agent.subject;
  }
}

/** Returns the caller of an operation. */
export function callerOf({ user }: ServerCallContext): A2aCaller {
  if (user instanceof A2aCaller) return user;
  throw new Error('An operation has no caller');
}
