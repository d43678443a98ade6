#!/usr/bin/env node
// Builds `dist` where it is missing or older than what it is made of, so that commands of a checkout start at once.
// Whatever the build says goes to the standard error: the standard output may belong to a protocol.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
const BUILT = 'dist/src/main.js';
const SOURCES = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];
const FOLDERS = ['src', 'migrations'];

const timeOf = (path) => statSync(`${cwd}${path}`).mtimeMs;

/** A folder is younger, too, when something in it was removed. */
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
  // What came without its code cannot be built of it.
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
