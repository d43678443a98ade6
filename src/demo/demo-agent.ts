import { isRecord } from '../common/is-record.js';
import { parseJson } from '../common/parse-json.js';
import { Answer } from './answer.js';
import { DemoError } from './demo-error.js';
import type { Narrator } from './narrator.js';

const PATIENCE_MS = 10_000;

/** One step of the demo: a request, and how to print it. */
export interface Step {
  /** Title of the step, after the role: for example `approves`. */
  does: string;
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Expected status of the response. */
  expect: number;
  /** Returns the lines to print from the response. */
  tell: (answer: Answer) => readonly string[];
}

/** The agent of one role. It calls the controller with its own token and prints each step. */
export class DemoAgent {
  constructor(
    private readonly role: string,
    readonly url: string,
    private readonly token: string,
    private readonly narrator: Narrator,
  ) {}

  /**
   * Sends a request, and prints it with its response.
   *
   * @throws DemoError if the response has another status than expected
   */
  async takes({ does, method, path, body, headers, expect, tell }: Step): Promise<Answer> {
    const request = `${method} ${path}`;
    const response = await call(this.url, request, {
      method,
      headers: {
        ...headers,
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (response.status !== expect) throw refusal(this.url, request, response);
    const answer = new Answer(request, response.json);
    this.narrator.step(`${this.role} ${does}`, request, response.status, tell(answer));
    return answer;
  }
}

/**
 * Returns the version of the controller at `url`.
 *
 * @throws DemoError if no controller responds there
 */
export async function versionAt(url: string): Promise<string> {
  const { status, json } = await call(url, 'GET /status', {});
  const isController = status === 200 && isRecord(json) && typeof json.version === 'string';
  if (!isController) throw new DemoError(`The server at ${url} is not a controller.`);
  return new Answer('GET /status', json).text('version');
}

interface Reply {
  status: number;
  json: unknown;
}

async function call(url: string, request: string, init: RequestInit): Promise<Reply> {
  const path = request.slice(request.indexOf('/'));
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`${url}${path}`, { ...init, redirect: 'error', signal });
    return { status: response.status, json: parseJson(await response.text()) };
  } catch (error) {
    throw new DemoError(
      `No controller responds at ${url} (${reasonOf(error)}): start one with "npm start", or set CONTROLLER_URL.`,
    );
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (isRecord(cause) && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error ? cause.message : 'no response';
}

function refusal(url: string, request: string, { status, json }: Reply): DemoError {
  const problem = isRecord(json) ? json : {};
  if (status === 401) {
    return new DemoError(
      `The controller at ${url} refuses the demo's token: run the demo where the controller runs, with the same JWT_SECRET or DATA_DIR.`,
    );
  }
  const reasons = [problem.code, problem.detail].filter((reason) => typeof reason === 'string');
  return new DemoError(`The response to ${request} is ${[status, ...reasons].join(' ')}`);
}
