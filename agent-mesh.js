#!/usr/bin/env node
// `npx agent-mesh`. A checkout that was never built, or has changed since, is built first.
import './build-when-stale.js';

await import('./dist/src/mcp/stdio/stdio-command.js');
