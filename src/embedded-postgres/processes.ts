import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Identifies a process. The start time distinguishes it from a later process with the same pid. */
export interface ProcessIdentity {
  pid: number;
  startTime: string;
}

const UNKNOWN = 'unknown';

/** Returns the identity of this process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? UNKNOWN };
}

/** Whether exactly this process still runs. */
export function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  const now = startTimeOf(pid);
  return now !== undefined && (now === startTime || now === UNKNOWN || startTime === UNKNOWN);
}

/** Whether a process with this pid runs. A zombie counts as ended. */
export function isAlive(pid: number): boolean {
  return startTimeOf(pid) !== undefined;
}

/** Whether the process is a PostgreSQL server of this data directory. */
export function isPostgresOf(pid: number, cluster: string): boolean {
  if (!isAlive(pid)) return false;
  try {
    // Not by the working directory, because root in a container may lack permission to read it.
    const command =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        : ps(pid, 'command');
    return command.includes(`/postgres -D ${cluster} `);
  } catch {
    return false;
  }
}

/** Resolves to whether the process ended within the given milliseconds. */
export async function isGoneWithin(pid: number, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Start time of the process in the format of the operating system; undefined if it does not run. */
function startTimeOf(pid: number): string | undefined {
  if (!answersSignals(pid)) return undefined;
  try {
    const [state, startTime] = process.platform === 'linux' ? procStat(pid) : psStat(pid);
    return state?.startsWith('Z') ? undefined : startTime;
  } catch {
    // The process ended in between, or the system hides processes of other users.
    return answersSignals(pid) ? UNKNOWN : undefined;
  }
}

function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function procStat(pid: number): [string | undefined, string | undefined] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name, can contain spaces and parentheses. State is field 3, start time is field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [fields[0], fields[19]];
}

function psStat(pid: number): [string, string] {
  return [ps(pid, 'stat'), ps(pid, 'lstart')];
}

function ps(pid: number, column: string): string {
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  return execFileSync('ps', ['-ww', '-o', `${column}=`, '-p', String(pid)], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
