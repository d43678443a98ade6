import { session } from '../auth/session';
import { texts } from '../texts';
import { apiUrl, type Query } from './addresses';
import { newKey } from './new-key';
import { ProblemError, problemOf } from './problem';

const ATTEMPTS = 3;
const PAUSE_MS = 500;

/** Reads a resource with the token of the person. */
export async function read<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await send('GET', apiUrl(path, query), { signal });
  return (await response.json()) as T;
}

/** Reads a resource that is text, such as metrics. */
export async function readText(path: string, query?: Query, accept = '*/*'): Promise<string> {
  const response = await send('GET', apiUrl(path, query), { headers: { Accept: accept } });
  return response.text();
}

/**
 * Changes a resource. One idempotency key covers all attempts, so a retry after a lost response has no second effect.
 *
 * @throws ProblemError
 */
export async function write<T>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  const isKeyed = method === 'POST' || method === 'PUT';
  const init = {
    headers: {
      ...headers,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(isKeyed && { 'Idempotency-Key': newKey() }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await send(method, apiUrl(path), init);
      return (response.status === 204 ? undefined : await response.json()) as T;
    } catch (error) {
      const mayRetry = error instanceof ProblemError && error.isTransient && isKeyed;
      if (!mayRetry || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
    }
  }
}

async function send(method: string, url: string, init: RequestInit): Promise<Response> {
  const token = session.token;
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
  const response = await fetch(url, { ...init, method, headers }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new ProblemError(
      0,
      'console.unreachable',
      texts.errors.unreachable,
      texts.errors.unreachableDetail,
      undefined,
    );
  });
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (problem.status === 401 && token !== undefined) session.expire(token);
  throw problem;
}
