import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';

const MODULE = new URL('v8-flags.ts', import.meta.url).href;

/** Makes one place in the code look as if what it makes always lived long, and tells where it makes the next. */
const PLACE = `
  const make = () => new Array(8);
  const kept = [];
  for (let round = 0; round < 40; round += 1) {
    for (let n = 0; n < 20_000; n += 1) kept.push(make());
    gc({ type: 'minor' });
  }
  console.log(%InYoungGeneration(make()) ? 'young' : 'old');
`;

/**
 * Runs the script on one thread, because V8 decides when it compiles, and a compiler thread can be too late on a busy machine.
 * The young generation has its largest size from the start, because V8 of Node 22 decides only then.
 */
function whereIsMade(before: string): string {
  const flags = ['--import', './test/support/register-typescript.js', '--input-type=module'];
  const v8 = [
    '--allow-natives-syntax',
    '--expose-gc',
    '--single-threaded',
    '--max-semi-space-size=1',
  ];
  return execFileSync(process.execPath, [...v8, ...flags, '-e', before + PLACE], {
    encoding: 'utf8',
  }).trim();
}

describe('disablePretenuring', () => {
  it('has V8 make things in the young generation, whatever it has seen', () => {
    expect(whereIsMade('')).toBe('old');
    expect(whereIsMade(`(await import('${MODULE}')).disablePretenuring();`)).toBe('young');
  });
});
