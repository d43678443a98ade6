#!/usr/bin/env node
// `npx agent-mesh`. A checkout that was never built is built first; whatever that says is kept out of the protocol.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const command = new URL('dist/src/agent-mesh/stdio-command.js', import.meta.url);
if (!existsSync(command)) {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  spawnSync('npm', ['run', '--silent', 'build'], { cwd, stdio: ['ignore', 2, 2], shell: true });
}
await import(command.href);
