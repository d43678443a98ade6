#!/usr/bin/env node
/** The MCP server of one agent, over its standard input and output. */
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { meshServer } from '../../../src/mcp/tools/mesh-server.js';
import { loadMeshEnvironment, meshEnvironmentWarnings } from './environment.js';
import { HttpMeshClient } from './http-mesh-client.js';
import { StdioCalls } from './stdio-calls.js';
import { connectionNotice, TERMINAL_NOTICE } from './terminal-notice.js';
import { tokenProvider } from './token.js';

/** Writes an error to standard error, because standard output carries the protocol. */
function report(error: Error): void {
  process.stderr.write(`agent-mesh: ${error.message}\n`);
}

const isInTerminal = process.stdin.isTTY;
if (isInTerminal) process.stderr.write(TERMINAL_NOTICE);

try {
  for (const warning of meshEnvironmentWarnings()) report(new Error(warning));
  const { url, token, retries, timeoutSeconds } = loadMeshEnvironment();
  const getToken = tokenProvider(token);
  const mesh = new HttpMeshClient({ url, getToken, retries, timeoutSeconds });
  const calls = new StdioCalls();
  const transport = new StdioServerTransport();
  serveStdio(() => meshServer(mesh, calls), {
    onerror: report,
    maxSubscriptions: 0,
    transport,
  });
  calls.watch(transport);
  if (isInTerminal) process.stderr.write(await connectionNotice(mesh, url));
} catch (error) {
  report(error instanceof Error ? error : new Error('the server cannot start'));
  process.exitCode = 1;
}
