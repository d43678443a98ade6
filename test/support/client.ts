import { setTimeout as sleep } from 'node:timers/promises';

/** An answer, read whole. */
export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
}

/** How often a patient caller sends again what was told 503. */
const PATIENCE = 5;

/**
 * A caller with a token of its own. Unless told otherwise it does what an agent does with a `database.unavailable`,
 * after which nothing has happened: it sends the request again. On a busy machine a crowd is told so.
 */
export class Client {
  constructor(
    private readonly url: string,
    private readonly token?: string,
    private readonly patient = true,
  ) {}

  get<Body = Record<string, unknown>>(
    path: string,
    options: CallOptions = {},
  ): Promise<Answer<Body>> {
    return this.call('GET', path, options);
  }

  post<Body = Record<string, unknown>>(
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    return this.call('POST', path, { body, headers });
  }

  put<Body = Record<string, unknown>>(
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    return this.call('PUT', path, { body, headers });
  }

  async call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    options: CallOptions = {},
  ): Promise<Answer<Body>> {
    for (let sent = 1; ; sent++) {
      const answer = await this.send<Body>(method, path, options);
      const isOver = !this.patient || sent > PATIENCE || !isUnavailable(answer);
      if (isOver) return answer;
      await sleep(100 * sent);
    }
  }

  /** Sends a GET request whose response is a stream; the caller reads or cancels the body. */
  open(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const authorization = `Bearer ${this.token ?? ''}`;
    return fetch(`${this.url}${path}`, { headers: { authorization, ...headers } });
  }

  private async send<Body>(
    method: string,
    path: string,
    { body, headers = {} }: CallOptions,
  ): Promise<Answer<Body>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text) as Body, text };
  }
}

function isUnavailable({ status, text }: Answer<unknown>): boolean {
  return status === 503 && text.includes('"database.unavailable"');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
