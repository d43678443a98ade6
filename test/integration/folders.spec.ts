import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const FOLDERS = ['test/integration', 'test/e2e'].flatMap((suite) =>
  readdirSync(suite, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [`${suite}/${name}`, name] as const),
);

describe('A folder of specs', () => {
  it.each(FOLDERS)('is run by the file of its name: %s', (folder, name) => {
    expect(readFileSync(`${folder}.spec.ts`, 'utf8')).toContain(
      `await importSpecs(\`\${import.meta.dirname}/${name}\`);`,
    );
  });
});
