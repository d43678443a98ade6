import { readdirSync, readFileSync } from 'node:fs';
import dockerignore from '@balena/dockerignore';

/** Folders that no build reads, and that take long to list. */
const SKIPPED = ['.git', 'node_modules', 'dist'];

/** Whether `docker build` sends a file, by `.dockerignore`; the path is relative to the folder of the Dockerfile. */
export function isSent(path: string): boolean {
  return matcher().filter([path]).length === 1;
}

/** The files of the checkout that `docker build` sends. */
export function buildContext(): string[] {
  const entries = readdirSync('.', { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const folders = entries
    .filter((entry) => entry.isDirectory() && !SKIPPED.includes(entry.name))
    .flatMap(({ name }) => filesIn(name));
  return matcher().filter([...files, ...folders]);
}

function matcher(): ReturnType<typeof dockerignore.default> {
  return dockerignore.default().add(readFileSync('.dockerignore', 'utf8'));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesIn(path);
    return [path];
  });
}
