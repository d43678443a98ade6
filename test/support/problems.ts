import { expect } from '@jest/globals';
import { type TestApp, tokenFor } from './app.js';
import type { Answer } from './client.js';

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  instance: string;
  trace_id: string;
  errors?: { pointer: string; message: string }[];
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A text that requests contain and no response may repeat. */
export const SECRET = 'do-not-repeat-4711';

export const ANY_ID = '00000000-0000-4000-8000-000000000000';

/** Routes that take a body. */
export const WRITES = [
  ['POST', '/tasks/route'],
  ['POST', '/sessions'],
  ['PUT', `/sessions/${ANY_ID}`],
  ['PUT', `/sessions/${ANY_ID}/events`],
  ['POST', '/approvals'],
  ['POST', `/approvals/${ANY_ID}/decision`],
  ['POST', `/approvals/${ANY_ID}/withdraw`],
  ['POST', '/audit/ingest'],
] as const;

/** Expects a whole problem document (RFC 9457) that reveals neither the input nor the implementation. */
export function expectProblemDocument(answer: Answer, status: number, code: string): ProblemBody {
  const trace = answer.headers.get('x-trace-id');
  expect(trace).toMatch(UUID);
  expect(answer.body).toMatchObject({
    type: `urn:agent-mesh:error:${code}`,
    title: expect.stringMatching(/\S/),
    status,
    detail: expect.stringMatching(/\S/),
    code,
    instance: expect.stringMatching(/^\//),
    trace_id: trace,
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('x-powered-by')).toBeNull();
  expect(answer.text).not.toContain(SECRET);
  expect(answer.text).not.toMatch(
    /node_modules|\.ts:|\.js:|QueryFailed|syntax error|Unexpected token/,
  );
  return answer.body as unknown as ProblemBody;
}

/** Sends a body byte by byte, as JSON unless the headers name another type. */
export async function sendBytes(
  { url }: TestApp,
  body: string | Uint8Array<ArrayBuffer> | URLSearchParams,
  headers: Record<string, string> = {},
  [method, path]: readonly [string, string] = WRITES[0],
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    body,
    headers: {
      authorization: `Bearer ${tokenFor('finance')}`,
      'content-type': 'application/json',
      ...headers,
    },
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: JSON.parse(text) as Record<string, unknown>,
  };
}
