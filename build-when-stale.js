#!/usr/bin/env node
// Builds `dist` if it is missing or older than its sources, so that the commands of a fresh checkout work.
// The output of the build goes to standard error, because standard output can carry a protocol.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
const BUILT = 'dist/src/main.js';
const SOURCES = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const FOLDERS = ['src', 'migrations'];

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
  return [...SOURCES, ...FOLDERS.flatMap((folder) => [...within(folder)])].some(
    (path) => timeOf(path) > built,
  );
}

if (isStale()) {
  const stdio = ['ignore', 2, 2];
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd, stdio, shell: true });
  if (status !== 0) process.exit(status ?? 1);
}
