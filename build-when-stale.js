#!/usr/bin/env node
// Builds `dist` if it is missing or older than its sources, so that the commands of a fresh checkout work.
// The output of the build goes to standard error, because standard output can carry a protocol.
// With --try-port it first fails if the port of the controller is in use, so that nobody waits for a build in vain.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';

const cwd = fileURLToPath(new URL('.', import.meta.url));
const BUILT = 'dist/src/main.js';
const CONSOLE = ['packages/console/index.html', 'packages/console/vite.config.ts'];
const SOURCES = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...CONSOLE].filter(
  (file) => existsSync(`${cwd}${file}`),
);
const FOLDERS = ['src', 'migrations'];
/** Folders that the sources import from, and those of the console, in a checkout. */
const SHARED = ['verify', 'console', 'client']
  .map((name) => `packages/${name}/src`)
  .filter((folder) => existsSync(`${cwd}${folder}`));
const PROGRESS_MS = 5_000;

const report = (line) => process.stderr.write(`${line}\n`);
const timeOf = (path) => statSync(`${cwd}${path}`).mtimeMs;

/** Yields a folder and everything in it. The folder itself counts, because removing a file changes only its time. */
function* within(folder) {
  yield folder;
  for (const entry of readdirSync(`${cwd}${folder}`, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* within(path);
    else yield path;
  }
}

function isStale() {
  if (!existsSync(`${cwd}${BUILT}`)) return true;
  // A package without sources cannot be built.
  if (!FOLDERS.every((folder) => existsSync(`${cwd}${folder}`))) return false;
  const built = timeOf(BUILT);
  return [...SOURCES, ...[...FOLDERS, ...SHARED].flatMap((folder) => [...within(folder)])].some(
    (path) => timeOf(path) > built,
  );
}

/** Ends the process with one line if another process listens on the port. The controller reports all other errors. */
async function tryPort() {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  const { PORT, HOST, DATABASE_URL, DATABASE_URL_FILE } = { ...file, ...process.env };
  const host = HOST || (DATABASE_URL || DATABASE_URL_FILE ? '0.0.0.0' : '127.0.0.1');
  const port = Number(PORT || 8088);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return;
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
    server.close();
  } catch (error) {
    if (error.code !== 'EADDRINUSE') return;
    report(
      `agent-mesh-controller: The port is already in use; set PORT to another. ${error.message}`,
    );
    process.exit(1);
  }
}

/** Runs the build and reports its progress. */
async function build() {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  report('Building the controller. It takes some seconds, and only after a change …');
  const progress = setInterval(() => report(`… ${seconds()} s`), PROGRESS_MS);
  const stdio = ['ignore', 2, 2];
  const child = spawn('npm', ['run', '--silent', 'build'], { cwd, stdio, shell: true });
  const [status] = await once(child, 'exit');
  clearInterval(progress);
  if (status !== 0) process.exit(status ?? 1);
  report(`Built in ${seconds()} s.`);
}

if (isStale()) {
  if (process.argv.includes('--try-port')) await tryPort();
  await build();
}
