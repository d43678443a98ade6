import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { VERSION } from '../../../src/version.js';

interface Component {
  group?: string;
  name: string;
  version: string;
  purl: string;
  hashes?: { alg: string }[];
}

interface BillOfMaterials {
  bomFormat: string;
  metadata: { component: Component };
  components: Component[];
}

describe('npm run sbom', () => {
  it('lists each production dependency of the controller and the console, with its hash', async () => {
    const { stdout } = await promisify(execFile)('node', ['sbom.js'], { maxBuffer: 1e8 });
    const { bomFormat, metadata, components } = JSON.parse(stdout) as BillOfMaterials;
    const [, table = ''] = readFileSync('docs/licences.md', 'utf8').split('<!-- packages -->');
    const rows = [...table.matchAll(/^\| `([^`]+)` +\| (\S+) +\| [^|]+ \| (.+?) +\|$/gm)]
      .filter(([, , , parts = '']) => /controller|console/.test(parts))
      .map(([, name, version]) => `${name ?? ''}@${version ?? ''}`);

    expect(bomFormat).toBe('CycloneDX');
    expect(metadata.component).toMatchObject({ name: 'agent-mesh-controller', version: VERSION });
    expect(rows.length).toBeGreaterThan(150);
    expect(components.map(nameOf).sort()).toEqual(rows.sort());
    expect(components.filter(({ hashes = [] }) => hashes.length === 0).map(nameOf)).toEqual([]);
  }, 120_000);
});

function nameOf({ purl }: Component): string {
  return decodeURIComponent(purl.replace('pkg:npm/', ''));
}
