import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const FOLDERS = ['test/integration', 'test/e2e'].flatMap((suite) =>
  readdirSync(suite, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [`${suite}/${name}`, name] as const),
);

describe('folders of specs', () => {
  it.each(FOLDERS)('%s is imported by the spec of its name', (folder, name) => {
    expect(readFileSync(`${folder}.spec.ts`, 'utf8')).toContain(
      `await importSpecs(\`\${import.meta.dirname}/${name}\`);`,
    );
  });
});
