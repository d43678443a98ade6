import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from './json.js';
import type { Witness } from './witness.js';

const MAX_BODY_BYTES = 64 * 1024;
const BODY_TIMEOUT_MS = 10_000;

/**
 * Returns the HTTP server of a witness, which does not listen yet.
 *
 * @param fail is called with the text of an error that a request met, such as a full disk
 */
export function createWitnessServer(witness: Witness, fail: (message: string) => void): Server {
  return createServer({ requestTimeout: BODY_TIMEOUT_MS }, (request, response) => {
    respond(witness, request, response).catch((error: unknown) => {
      fail(messageOf(error));
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { Connection: 'close' }).end();
    });
  });
}

async function respond(
  witness: Witness,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.url !== '/add-checkpoint') {
    response.writeHead(404).end();
    return;
  }
  if (request.method !== 'POST') {
    response.writeHead(405, { Allow: 'POST' }).end();
    return;
  }
  const sent = await readBody(request);
  if (!sent) {
    response.writeHead(413, { Connection: 'close' }).end();
    return;
  }
  const { status, type, body } = await witness.addCheckpoint(sent);
  response.writeHead(status, { 'Content-Type': type }).end(body);
}

/** Returns the body, with or without Content-Length; undefined if it is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length']) > MAX_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
