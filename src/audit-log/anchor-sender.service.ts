import { Injectable } from '@nestjs/common';
import { withTimeLimit } from '../common/time-limit.js';
import type { AuditAnchor } from '../config/audit-anchor.js';
import { fetchInSpan } from '../observability/client-span.js';
import type { SentHead } from './audit-head.entity.js';
import { appendHead } from './file-anchor.js';
import { readLimitedAnswer } from './outgoing-answer.js';
import { assertGranted, timestampRequest } from './timestamp-request.js';

const TIMEOUT_MS = 15_000;

/** Sends heads to anchors. */
@Injectable()
export class AnchorSenderService {
  private readonly stopping = new AbortController();

  /** Aborts all requests. */
  stop(): void {
    this.stopping.abort();
  }

  /**
   * Sends a head. Rejects if the anchor does not have it then.
   *
   * @returns the record of the anchor
   */
  async send({ kind, target }: AuditAnchor, checkpoint: string): Promise<SentHead> {
    switch (kind) {
      case 'file':
        await appendHead(target, checkpoint);
        return { at: new Date().toISOString() };
      case 'http':
        await this.post(target, 'text/plain; charset=utf-8', Buffer.from(checkpoint));
        return { at: new Date().toISOString() };
      case 'timestamp':
        return this.stamp(target, checkpoint);
    }
  }

  private async stamp(url: string, checkpoint: string): Promise<SentHead> {
    const request = timestampRequest(checkpoint);
    const answer = await this.post(url, 'application/timestamp-query', request);
    assertGranted(answer, request);
    return { at: new Date().toISOString(), timestamp: answer.toString('base64') };
  }

  private async post(url: string, type: string, body: Buffer): Promise<Buffer> {
    const { href, username, password } = new URL(url);
    const target = new URL(href);
    target.username = '';
    target.password = '';
    return withTimeLimit(TIMEOUT_MS, this.stopping.signal, async (signal) => {
      const response = await fetchInSpan(target, {
        method: 'POST',
        redirect: 'error',
        signal,
        headers: {
          'content-type': type,
          ...(username !== '' && { authorization: basic(username, password) }),
        },
        body: new Uint8Array(body),
      });
      const answer = await readLimitedAnswer(response);
      if (!response.ok) throw new Error(`The anchor responded with ${response.status}`);
      return answer;
    });
  }
}

function basic(username: string, password: string): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
