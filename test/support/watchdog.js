import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Ends everything that a run of the tests started, if the run is killed. Its standard input ends with the process that
 * started it. The lines of the file name processes and folders, as `end-with-run.ts` writes them.
 */
const [file = '', run] = process.argv.slice(2);

for await (const chunk of process.stdin) if (chunk.includes('done')) process.exit(0);
// Workers first: they could start other processes.
const workers = () => entries().flatMap(({ worker }) => worker ?? []);
for (const pid of workers()) if (pid !== Number(run)) end(pid, 'SIGKILL');
await sleep(200);
for (const pid of runningPids()) {
  // Also what it started, if it leads a group.
  end(-pid, 'SIGKILL');
  end(pid, 'SIGKILL');
}
const folders = entries().flatMap(({ folder }) => folder ?? []);
// A shutdown that frees the shared memory.
for (const pid of folders.flatMap(postgresOf)) end(pid, 'SIGQUIT');
await sleep(2_000);
for (const pid of folders.flatMap(postgresOf)) end(pid, 'SIGKILL');
for (const folder of folders) {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  } catch {
    // A process that still ends writes into it.
  }
}

function entries() {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

function runningPids() {
  const pids = new Set();
  for (const { started, ended } of entries()) {
    if (started !== undefined) pids.add(started);
    pids.delete(ended);
  }
  return pids;
}

/** The servers of the clusters in a folder. */
function postgresOf(folder) {
  try {
    const files = readdirSync(folder, { recursive: true });
    return files
      .filter((name) => basename(name) === 'postmaster.pid')
      .map((name) => parseInt(readFileSync(join(folder, name), 'utf8'), 10));
  } catch {
    return [];
  }
}

function end(pid, signal) {
  if (!(Math.abs(pid) > 1)) return;
  try {
    process.kill(pid, signal);
    process.kill(pid, 'SIGCONT');
  } catch {
    // It has ended.
  }
}
