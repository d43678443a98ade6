import { type ClientRequest, request } from 'node:http';

/** Sends a GET request with a `Host` header, which `fetch` does not accept. Returns the text of the response. */
export function getFromHost(url: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host }, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve(text);
      });
    })
      .on('error', reject)
      .end();
  });
}

/** Sends a POST request on a connection of its own, and ignores the response. Destroy it to disconnect. */
export function sendFromNewConnection(
  url: string,
  headers: Record<string, string>,
  body: unknown,
): ClientRequest {
  const sent = request(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', ...headers },
  });
  sent.on('error', () => undefined);
  sent.end(JSON.stringify(body));
  return sent;
}
