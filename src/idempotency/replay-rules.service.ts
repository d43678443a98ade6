import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { isRecord } from '../common/is-record.js';
import type { KeyedRequest } from './keyed-request.js';

type Members = Record<string, unknown>;

/** How a request is answered that comes again with its key, where that is not the first response, byte for byte. */
export interface ReplayRule {
  readonly method: 'POST' | 'PUT';
  /** The concrete paths that it is for. */
  readonly path: RegExp;
  /**
   * Reads the present state of what the first response showed. Without it the request is executed again: that has to
   * be idempotent by itself.
   */
  readonly present?: (agent: Agent, first: Members) => Promise<object>;
  /** Whether `replayed: true` marks every replay, and not only one that differs from the first response. */
  readonly isAlwaysMarked?: boolean;
}

/** Which replays must not repeat a first response that may not hold any longer. Features add their own rules. */
@Injectable()
export class ReplayRulesService {
  private readonly rules: ReplayRule[] = [];

  add(rule: ReplayRule): void {
    this.rules.push(rule);
  }

  /** Whether a request is executed each time that it comes. */
  isExecutedAgain(request: KeyedRequest): boolean {
    const rule = this.find(request);
    return rule !== undefined && rule.present === undefined;
  }

  /** The text to answer a replay with. */
  async presentBody(request: KeyedRequest, text: string): Promise<string> {
    const rule = this.find(request);
    const first: unknown = rule?.present ? JSON.parse(text) : undefined;
    if (!rule?.present || !isRecord(first)) return text;
    const present = { ...first, ...(await rule.present(request.agent, first)) };
    const now = JSON.stringify(present);
    const hasChanged = now !== JSON.stringify(first);
    return hasChanged || rule.isAlwaysMarked === true
      ? JSON.stringify({ ...present, replayed: true })
      : text;
  }

  private find({ method, path }: KeyedRequest): ReplayRule | undefined {
    return this.rules.find((rule) => rule.method === method && rule.path.test(path));
  }
}
