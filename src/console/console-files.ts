import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import { DomainError } from '../errors/domain-error.js';

/** The build of the console, in memory: it stays available while another build replaces its folder. */
export interface ConsoleBuild {
  /** The page, with the placeholders that {@link renderPage} replaces. */
  readonly page: string;
  /** The files of the folder `assets` by path. Their names contain a hash of their content. */
  readonly assets: ReadonlyMap<string, Asset>;
}

interface Asset {
  readonly body: Buffer;
  /** Compresses the file when it is first needed. */
  readonly compressed: () => Buffer;
}

/** The folder `dist/console`, relative to the compiled program and to its source. */
const FOLDERS = ['../../console/', '../../dist/console/'];
const PAGE = 'index.html';
const ASSETS = 'assets';
const YEAR_SECONDS = 31_536_000;

/** Reads the build of the console. Returns undefined if the console was not built. */
export function readConsoleBuild(folder = consoleFolder()): ConsoleBuild | undefined {
  if (folder === undefined) return undefined;
  const names = readdirSync(join(folder, ASSETS));
  return {
    page: readFileSync(join(folder, PAGE), 'utf8'),
    assets: new Map(names.map((name) => [`/${name}`, readAsset(join(folder, ASSETS, name))])),
  };
}

function consoleFolder(): string | undefined {
  return FOLDERS.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((folder) =>
    existsSync(join(folder, PAGE)),
  );
}

function readAsset(path: string): Asset {
  const body = readFileSync(path);
  let compressed: Buffer | undefined;
  return { body, compressed: () => (compressed ??= gzipSync(body)) };
}

/** Serves the assets, compressed if the client accepts it. Their URLs change with their content, so caches keep them. */
export function serveAssets({ assets }: ConsoleBuild): RequestHandler {
  return (request, response) => {
    const asset = assets.get(request.path);
    if (!asset) throw new DomainError('request.route_not_found', 'The console has no such file.');
    response
      .set('Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`)
      .vary('Accept-Encoding')
      .type(extname(request.path));
    if (request.acceptsEncodings('gzip') === false) response.send(asset.body);
    else response.set('Content-Encoding', 'gzip').send(asset.compressed());
  };
}

/** Returns the page for one response: with the nonce of its styles, below the path of PUBLIC_URL. */
export function renderPage({ page }: ConsoleBuild, nonce: string, publicPath: string): string {
  return page
    .replaceAll('__NONCE__', nonce)
    .replaceAll('__BASE__', publicPath)
    .replaceAll(`"./${ASSETS}/`, `"${publicPath}/console/${ASSETS}/`);
}
