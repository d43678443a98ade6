import { join } from 'node:path';

/** A program in the copy of the sources that plain Node runs; `name` is its path, as in `src/main.js`. */
export function programFile(name: string): string {
  return join(process.env.TEST_PROGRAMS ?? '', name);
}
