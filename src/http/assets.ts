import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { RequestHandler } from 'express';

/**
 * Returns a handler that serves files of a folder. It reads them once, so they stay available while `npm ci` replaces
 * `node_modules` below a running controller.
 */
export function assetsInMemory(folder: string, names: readonly string[]): RequestHandler {
  const assets = new Map(names.map((name) => [`/${name}`, readFileSync(join(folder, name))]));
  return ({ method, path }, response, next) => {
    const asset = method === 'GET' || method === 'HEAD' ? assets.get(path) : undefined;
    if (asset === undefined) next();
    else response.type(extname(path)).send(asset);
  };
}
