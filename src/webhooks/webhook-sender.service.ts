import { once } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Injectable } from '@nestjs/common';
import { TimeLimitError, withTimeLimit } from '../common/time-limit.js';
import { Environment } from '../config/environment.js';
import { codeOf } from '../errors/error-text.js';
import { inClientSpan } from '../observability/client-span.js';
import { traceHeaders } from '../observability/tracing.js';
import { VERSION } from '../version.js';
import { type SendError, sendFailure, type SendResult } from './send-result.js';
import { AddressRefusedError, isRefusedLiteral, publicLookup } from './webhook-address.js';

/** Milliseconds for one request, from the lookup of the host to the end of the response. */
const TIMEOUT_MS = 15_000;
/** Bytes of a response that are read before the connection is closed, and that are kept. */
const MAX_RESPONSE_BYTES = 64 * 1024;
const KEPT_BYTES = 512;

/** Sends requests to endpoints: no redirects, a bounded response, and never to an address that must not be called. */
@Injectable()
export class WebhookSenderService {
  private readonly agents: { 'http:': HttpAgent; 'https:': HttpsAgent };
  private readonly stopping = new AbortController();
  protected readonly timeoutMs: number = TIMEOUT_MS;

  constructor(private readonly environment: Environment) {
    const lookup = publicLookup(environment.WEBHOOK_ALLOWED_NETWORKS);
    const options = { lookup, keepAlive: true, timeout: TIMEOUT_MS };
    this.agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) };
  }

  /** Aborts all requests, and those that follow. */
  stop(): void {
    this.stopping.abort();
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  /** Whether requests are aborted, so that a failure is not one of the endpoint. */
  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /**
   * Sends one POST request. Never rejects.
   *
   * @param attributes of its span
   */
  async send(
    url: string,
    headers: Record<string, string>,
    body: string,
    attributes: Record<string, string> = {},
  ): Promise<SendResult> {
    if (isRefusedLiteral(url, this.environment.WEBHOOK_ALLOWED_NETWORKS)) {
      return sendFailure('address_refused');
    }
    return withTimeLimit(this.timeoutMs, this.stopping.signal, async (signal) => {
      try {
        const response = await inClientSpan(
          // The path of an endpoint can be a secret.
          { method: 'POST', url: new URL(url).origin, attributes },
          () => this.post(url, { ...headers, ...traceHeaders() }, body, signal),
          ({ statusCode }) => statusCode,
        );
        return {
          status: response.statusCode ?? 0,
          error: null,
          response: await firstBytes(response),
          retryAfter: response.headers['retry-after'],
        };
      } catch (error) {
        return sendFailure(signal.reason instanceof TimeLimitError ? 'timeout' : classOf(error));
      }
    });
  }

  private async post(
    text: string,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const url = new URL(text);
    const options = {
      method: 'POST',
      signal,
      headers: {
        ...headers,
        'user-agent': `agent-mesh-controller/${VERSION}`,
        'content-length': String(Buffer.byteLength(body)),
      },
    };
    const request =
      url.protocol === 'http:'
        ? httpRequest(url, { ...options, agent: this.agents['http:'] })
        : httpsRequest(url, { ...options, agent: this.agents['https:'] });
    // Errors after the response arrived end the reading of its body.
    request.on('error', () => undefined);
    request.end(body);
    // A connection that ends without a response or an error, as after 101 Switching Protocols, only emits `close`.
    const closed = new AbortController();
    request.once('close', () => {
      closed.abort();
    });
    const [response] = (await once(request, 'response', { signal: closed.signal })) as [
      IncomingMessage,
    ];
    return response;
  }
}

/** Reads a response up to its limit, and returns its first bytes as text. */
async function firstBytes(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (size < KEPT_BYTES) chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_RESPONSE_BYTES) break;
    }
  } catch {
    // The status counts, even if the body does not arrive whole.
  }
  response.destroy();
  return Buffer.concat(chunks).subarray(0, KEPT_BYTES).toString('utf8').replaceAll('\0', '');
}

function classOf(error: unknown): SendError {
  if (error instanceof AddressRefusedError) return 'address_refused';
  const code = codeOf(error) ?? '';
  if (/^(ENOTFOUND|EAI_)/.test(code)) return 'dns';
  return /CERT|TLS|SSL|SIGNATURE|ALTNAME|ISSUER|EPROTO/.test(code) ? 'tls' : 'connection';
}
