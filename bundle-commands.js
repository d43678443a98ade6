#!/usr/bin/env node
// Bundles the commands of a package for publication: each `dist/<name>.js` in `bin` from `src/<name>.ts`, with the sources
// of this repository that it imports. The packages in its `dependencies` stay imports. Without arguments it bundles the
// package in the current folder.
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { argv, pid } from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.url));

/**
 * Bundles the commands of a package into files below another folder, by default that of the package. Needs the
 * development dependencies.
 */
export async function bundleCommands(folder, target = folder) {
  const { build } = await import('esbuild').catch((cause) => {
    const message = 'The development dependencies are missing: run npm ci in the checkout.';
    throw new Error(message, { cause });
  });
  const { bin } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const { outputFiles } = await build({
    entryPoints: Object.values(bin).map((file) => join(folder, 'src', sourceOf(file))),
    outdir: join(target, 'dist'),
    tsconfig: join(ROOT, 'tsconfig.json'),
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    logLevel: 'warning',
  });
  for (const { path, contents } of outputFiles) {
    // Another process may be reading the file.
    const draft = `${path}.${pid}`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, contents);
    await chmod(draft, 0o755);
    await rename(draft, path);
  }
}

function sourceOf(file) {
  return basename(file).replace(/\.js$/, '.ts');
}

if (argv[1] !== undefined && resolve(argv[1]) === fileURLToPath(import.meta.url))
  await bundleCommands(resolve('.'));
