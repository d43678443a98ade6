#!/usr/bin/env node
// Prints the software bill of materials as CycloneDX: the production dependencies of the controller, and the libraries that
// the bundle of the console contains. `npm sbom --omit=dev` alone leaves out each package that a development dependency
// needs too, such as express. So it runs on a copy of the manifest and the lock file without development dependencies.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
/** Development dependencies of the console that are no part of its bundle. */
const BUILD_TOOLS = /^(?:@types\/|@vitejs\/|vite$)/;
const OWN = '@agent-mesh/';

const read = (path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

/** The libraries in the bundle of the console, with those of the packages of this repository that it contains. */
function bundledLibraries() {
  const { devDependencies } = read('packages/console/package.json');
  return Object.entries(devDependencies)
    .filter(([name]) => !BUILD_TOOLS.test(name))
    .flatMap(([name, range]) =>
      name.startsWith(OWN)
        ? Object.entries(read(`packages/${name.slice(OWN.length)}/package.json`).dependencies)
        : [[name, range]],
    );
}

function manifest() {
  const { name, version, description, license, dependencies, optionalDependencies } =
    read('package.json');
  return {
    ...{ name, version, description, license, optionalDependencies },
    dependencies: { ...dependencies, ...Object.fromEntries(bundledLibraries()) },
  };
}

function npm(folder, ...args) {
  const { status, stdout } = spawnSync('npm', [...args, '--package-lock-only', '--offline'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1e8,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`npm ${args[0]} failed`);
  return stdout;
}

// The name of the folder is that of the component.
const parent = mkdtempSync(join(tmpdir(), 'sbom-'));
const folder = join(parent, 'agent-mesh-controller');
try {
  cpSync(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest()));
  npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent');
  process.stdout.write(npm(folder, 'sbom', '--sbom-format=cyclonedx'));
} finally {
  rmSync(parent, { recursive: true });
}
