import { readdirSync, readFileSync } from 'node:fs';

/** What Linux has counted for a process, in milliseconds and bytes. */
export interface Usage {
  cpuMs: number;
  rssBytes: number;
}

/** The clock that `/proc/<pid>/stat` counts in has 100 ticks a second on every platform that Node runs on. */
const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** The CPU time of all threads of a process, in nanoseconds: a round of half a second has too few ticks. */
export function usageOf(pid: number): Usage {
  const stat = statOf(pid);
  if (!stat) throw new Error(`process ${pid} has ended`);
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.reduce((sum, thread) => sum + cpuOfThread(pid, thread), 0);
  return { cpuMs: nanoseconds / 1e6, rssBytes: stat.rssPages * PAGE_BYTES };
}

/** The first field of schedstat. See https://docs.kernel.org/scheduler/sched-stats.html. */
function cpuOfThread(pid: number, thread: string): number {
  const text = readIfThere(`/proc/${pid}/task/${thread}/schedstat`);
  return Number(text?.split(' ')[0] ?? 0);
}

/** The CPU time, in milliseconds, of a process and its children, those that have ended among them. */
export function cpuOfFamily(pid: number): number {
  let ticks = 0;
  for (const other of readdirSync('/proc').map(Number)) {
    const stat = other > 0 ? statOf(other) : undefined;
    if (stat && other === pid) ticks += stat.ticks + stat.ticksOfEnded;
    if (stat?.parent === pid) ticks += stat.ticks;
  }
  return ticks * TICK_MS;
}

interface Stat {
  parent: number;
  ticks: number;
  ticksOfEnded: number;
  rssPages: number;
}

/** Reads `/proc/<pid>/stat`; undefined when the process has ended. See https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html. */
function statOf(pid: number): Stat | undefined {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field, a name in parentheses, may hold anything; the third one follows.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    parent: field(4),
    ticks: field(14) + field(15),
    ticksOfEnded: field(16) + field(17),
    rssPages: field(24),
  };
}

/** Undefined if the process or the thread has ended. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
