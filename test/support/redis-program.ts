import { delimiter, join } from 'node:path';
import { multiarch, onPath, unpackDebianPackage } from './debian-packages.js';

/** How to run `redis-server`. */
export interface RedisProgram {
  path: string;
  /** More environment, which tells a private copy where its libraries are. */
  env: Record<string, string>;
}

/** Finds `redis-server` on the PATH, or, for root on Debian, in the system's package. */
export async function findRedisProgram(): Promise<RedisProgram> {
  const installed = onPath('redis-server');
  if (installed) return { path: installed, env: {} };
  const folder = await unpackDebianPackage('redis-server');
  const libraries = ['usr/lib', 'lib'].map((path) => join(folder, path, multiarch));
  return {
    path: join(folder, 'usr/bin/redis-server'),
    env: { LD_LIBRARY_PATH: libraries.join(delimiter) },
  };
}
