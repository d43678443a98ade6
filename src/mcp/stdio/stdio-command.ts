/** The MCP server of one agent, over its standard input and output. */
import 'reflect-metadata';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import {
  loadMeshEnvironment,
  meshEnvironmentWarnings,
  tokenFrom,
} from '../../config/mesh-environment.js';
import { HttpMeshClient } from './http-mesh-client.js';
import { meshServer } from '../tools/mesh-server.js';
import { StdioCalls } from './stdio-calls.js';
import { connectionNotice, TERMINAL_NOTICE } from './terminal-notice.js';

/** Writes an error to standard error, because standard output carries the protocol. */
function report(error: Error): void {
  process.stderr.write(`agent-mesh: ${error.message}\n`);
}

const isInTerminal = process.stdin.isTTY;
if (isInTerminal) process.stderr.write(TERMINAL_NOTICE);

try {
  for (const warning of meshEnvironmentWarnings()) report(new Error(warning));
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
    onerror: report,
    maxSubscriptions: 0,
    transport,
  });
  calls.watch(transport);
  if (isInTerminal) process.stderr.write(await connectionNotice(mesh, CONTROLLER_URL));
} catch (error) {
  report(error instanceof Error ? error : new Error('the server cannot start'));
  process.exitCode = 1;
}
