import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Environment } from './config/environment.js';
import { codeOf } from './errors/error-text.js';

/**
 * Asserts that no other process listens on the port, before the database starts or is migrated. All other problems of the
 * address are left to the server.
 *
 * @throws Error `EADDRINUSE`
 */
export async function assertPortFree({ PORT, listenHost }: Environment): Promise<void> {
  if (PORT === 0) return;
  const server = createServer().listen(PORT, listenHost);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') throw error;
    return;
  }
  server.close();
  await once(server, 'close');
}
