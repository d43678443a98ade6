import type { ServerResponse } from 'node:http';

/** A signal that is aborted when the response ends or its connection closes, so that nothing waits for a client that is gone. */
export function abortOnClose(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}
