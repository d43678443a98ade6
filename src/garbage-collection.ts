import { setFlagsFromString } from 'node:v8';

/**
 * Keeps what a request makes where it is cheap to clear away.
 *
 * Where what a place in the code makes tends to live for a while, V8 makes it in the old generation from then on
 * (D. Clifford et al., Memento Mori: Dynamic Allocation-Site-Based Optimizations, ISMM 2015). A crowd of requests that
 * wait for each other is enough for it to decide that of the rows that come from Postgres, for as long as the process
 * lives; and all that they refer to is then kept with them until the whole heap is looked through.
 */
export function keepRequestsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
