import { setFlagsFromString } from 'node:v8';

/**
 * Disables allocation-site pretenuring in V8, so that the objects of a request are allocated in the young generation,
 * where they are cheap to collect.
 *
 * If the objects of an allocation site tend to survive, V8 allocates all later ones in the old generation (D. Clifford et
 * al., Memento Mori: Dynamic Allocation-Site-Based Optimizations, ISMM 2015). One burst of requests that wait for each
 * other is enough to trigger this for rows from PostgreSQL, for the life of the process. The rows, and all objects that
 * they reference, then stay in memory until a full garbage collection.
 */
export function disablePretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
