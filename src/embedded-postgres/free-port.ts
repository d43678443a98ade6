import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Ports below those that systems give to outgoing connections (RFC 6335, section 6; Linux begins at 32768). */
const FIRST = 20_000;
const LAST = 32_767;
const MAX_ATTEMPTS = 100;

/**
 * Returns a free TCP port of the loopback interface. Another process may bind it before the caller does, but no outgoing
 * connection receives it.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST, LAST + 1);
    if (await canBind(port)) return port;
  }
  throw new Error(`Of ${MAX_ATTEMPTS} ports between ${FIRST} and ${LAST} none is free`);
}

async function canBind(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
