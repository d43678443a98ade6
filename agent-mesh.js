#!/usr/bin/env node
// `npx agent-mesh` in a checkout: bundles the MCP server of packages/mcp, which takes a moment, and starts it.
import { fileURLToPath } from 'node:url';
import { bundleCommands } from './bundle-commands.js';

await bundleCommands(fileURLToPath(new URL('packages/mcp', import.meta.url)));
await import('./packages/mcp/dist/agent-mesh-mcp.js');
