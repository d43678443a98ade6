import { afterAll } from '@jest/globals';
import { ApiContract } from './api-contract.js';

/** Bodies without an end are not read. */
const STREAM = 'text/event-stream';
const send = globalThis.fetch;
const counts = new Map<string, number>();
const pending = new Set<Promise<void>>();
let contract: ApiContract | undefined;

// Every client of the tests sends with this function, so each response is compared with the document of the API.
globalThis.fetch = async (input, init) => {
  const response = await send(input, init);
  const { method, url } = requestOf(input, init);
  contract ??= ApiContract.read();
  if (!contract.knows(method, url)) return response;
  const isStream = response.headers.get('content-type')?.startsWith(STREAM) === true;
  const isOfController = response.headers.has('x-trace-id');
  if (isStream || !isOfController) return response;
  const read = compare(contract, method, url, response.clone()).finally(() => pending.delete(read));
  pending.add(read);
  return response;
};

afterAll(async () => {
  await Promise.all(pending);
  if (counts.size === 0) return;
  const lines = [...counts].map(([problem, count]) => `  ${problem} (${count} times)`);
  throw new Error(
    `Responses differ from docs/openapi.json: correct the decorators, then run "npm run openapi".\n${lines.sort().join('\n')}`,
  );
});

async function compare(
  contract: ApiContract,
  method: string,
  url: string,
  response: Response,
): Promise<void> {
  // A body that is cut off is no response.
  const text = await response.text().catch(() => undefined);
  if (text === undefined) return;
  const { status, headers } = response;
  for (const problem of contract.problemsOf({ method, url, status, headers, text })) {
    counts.set(problem, (counts.get(problem) ?? 0) + 1);
  }
}

function requestOf(
  input: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
): { method: string; url: string } {
  const request = input instanceof Request ? input : undefined;
  const url = new URL(request?.url ?? input).href;
  return { method: (init?.method ?? request?.method ?? 'GET').toUpperCase(), url };
}
