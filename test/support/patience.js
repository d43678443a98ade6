import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';

/** Milliseconds of the two measurements on an idle machine for which the limits of the tests are set. */
const REFERENCE = { cpu: 100, spawn: 100 };
const ROUNDS = 2e7;
const MEASUREMENTS = 3;
/** Beyond this a test does not wait for the machine any longer. */
const MAX_FACTOR = 10;

/**
 * Measures how much slower this machine is than the one for which the limits of the tests are set, with a calculation and
 * the start of a process. Sets TEST_SLOWNESS for all workers.
 */
export function measureMachine() {
  const cpu = fastest(calculate);
  const spawn = fastest(() => execFileSync(process.execPath, ['-e', '']));
  const slowness = Math.max(cpu / REFERENCE.cpu, spawn / REFERENCE.spawn);
  process.env.TEST_SLOWNESS = slowness.toFixed(1);
}

/**
 * The factor by which limits of time grow now: at least 1, at most 10. It follows the measurement at the start of the run
 * and the number of processes that now wait for a processor.
 */
export function patience() {
  const slowness = Number(process.env.TEST_SLOWNESS ?? 1);
  const load = (loadavg()[0] ?? 0) / availableParallelism();
  return Math.min(MAX_FACTOR, Math.max(1, slowness, load));
}

/** A limit in milliseconds, on this machine and with its load. */
export function patient(ms) {
  return Math.round(ms * patience());
}

/** Random bits by shifts (xorshift): only the speed of the processor matters. */
function calculate() {
  let bits = 1;
  for (let n = 0; n < ROUNDS; n += 1) {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
  }
  return bits;
}

function fastest(work) {
  const times = Array.from({ length: MEASUREMENTS }, () => {
    const started = performance.now();
    work();
    return performance.now() - started;
  });
  return Math.min(...times);
}
