/** The MCP server of one agent, over its standard input and output. */
import 'reflect-metadata';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { loadMeshEnvironment, tokenFrom } from '../../config/mesh-environment.js';
import { HttpMeshClient } from './http-mesh-client.js';
import { meshServer } from '../tools/mesh-server.js';
import { StdioCalls } from './stdio-calls.js';

/** Writes an error to standard error, because standard output carries the protocol. */
function exitWithError(error: Error): void {
  process.stderr.write(`agent-mesh: ${error.message}\n`);
}

try {
  const environment = loadMeshEnvironment();
  const { CONTROLLER_URL, MESH_JWT_TOKEN, MESH_JWT_TOKEN_FILE } = environment;
  const mesh = new HttpMeshClient({
    url: CONTROLLER_URL,
    token: () => MESH_JWT_TOKEN ?? tokenFrom(MESH_JWT_TOKEN_FILE ?? ''),
    retries: environment.MESH_RETRY_COUNT,
    timeoutSeconds: environment.MESH_TIMEOUT_SECS,
  });
  const calls = new StdioCalls();
  const transport = new StdioServerTransport();
  serveStdio(() => meshServer(mesh, calls), {
    onerror: exitWithError,
    maxSubscriptions: 0,
    transport,
  });
  calls.watch(transport);
} catch (error) {
  exitWithError(error instanceof Error ? error : new Error('the server cannot start'));
  process.exitCode = 1;
}
