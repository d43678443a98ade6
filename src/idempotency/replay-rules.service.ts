import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { isRecord } from '../common/is-record.js';
import { parseJson } from '../common/parse-json.js';
import { fingerprint } from './fingerprint.js';
import type { KeyedRequest } from './keyed-request.js';
import type { StoredResponse } from './stored-response.js';

type Members = Record<string, unknown>;

/** The response to a retry of some routes, where it is not the first response byte for byte. */
export interface ReplayRule {
  readonly method: 'POST' | 'PUT';
  /** Matches the paths that the rule applies to. */
  readonly path: RegExp;
  /**
   * Reads the current state of the resource in the first response. Without it the request is executed again, so it must
   * be idempotent.
   */
  readonly present?: (agent: Agent, first: Members) => Promise<object>;
  /**
   * Returns the bodies that the first request can have had, to count as the same request as one with `body`. Default: only
   * `body`.
   *
   * @param first the first response
   */
  readonly equivalents?: (body: Members, first: Members) => readonly (Members | null)[];
  /** Encrypts a secret in the response for the record, and decrypts it for a replay. */
  readonly secrecy?: { seal: (text: string) => string; open: (text: string) => string };
  /** Whether each replay contains `replayed: true`, and not only one that differs from the first response. */
  readonly isAlwaysMarked?: boolean;
}

/** The rules for replays whose first response can be out of date. Features add their own. */
@Injectable()
export class ReplayRulesService {
  private readonly rules: ReplayRule[] = [];

  add(rule: ReplayRule): void {
    this.rules.push(rule);
  }

  /** Whether a request is executed each time that it is sent. */
  isExecutedAgain(request: KeyedRequest): boolean {
    const rule = this.find(request);
    return rule !== undefined && rule.present === undefined && rule.secrecy === undefined;
  }

  /** Whether a stored response belongs to a request with the content of this one, or with an equivalent body. */
  isSameRequest(request: KeyedRequest, stored: StoredResponse): boolean {
    if (stored.fingerprint.equals(request.fingerprint)) return true;
    const { equivalents } = this.find(request) ?? {};
    const first = equivalents && parseJson(stored.body);
    if (!equivalents || !isRecord(first)) return false;
    const body = isRecord(request.body) ? request.body : {};
    return equivalents(body, first).some((other) =>
      fingerprint(other, request.query).equals(stored.fingerprint),
    );
  }

  /** Returns the response body as it is stored. */
  storedBody(request: KeyedRequest, text: string): string {
    return this.find(request)?.secrecy?.seal(text) ?? text;
  }

  /** Returns the response body of a replay. */
  async presentBody(request: KeyedRequest, text: string): Promise<string> {
    const rule = this.find(request);
    if (rule?.secrecy) return rule.secrecy.open(text);
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
