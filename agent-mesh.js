#!/usr/bin/env node
// `npx agent-mesh`: starts the MCP server over standard input and output. Builds a checkout first if its build is stale.
import './build-when-stale.js';

await import('./dist/src/mcp/stdio/stdio-command.js');
