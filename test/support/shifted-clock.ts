import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { multiarch, unpackDebianPackage } from './debian-packages.js';

const LIBRARY = join('usr/lib', multiarch, 'faketime/libfaketime.so.1');

/**
 * The environment of a process whose clock is as many seconds fast as told, or slow, by Debian's libfaketime. Its
 * durations are right.
 */
export async function shiftedClock(seconds: number): Promise<Record<string, string>> {
  const installed = join('/', LIBRARY);
  const library = existsSync(installed)
    ? installed
    : join(await unpackDebianPackage('libfaketime'), LIBRARY);
  return {
    LD_PRELOAD: library,
    FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DISABLE_SHM: '1',
  };
}
