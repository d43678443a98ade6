import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MeshEnvironment } from '../../config/mesh-environment.js';
import { hintFor } from './error-hints.js';
import { TOOLS } from './all-tools.js';
import { OPERATIONS } from './operations.js';

const PAGE = readFileSync('docs/agent-mesh.md', 'utf8');
const API = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, unknown>>;
};

/** What stands in code quotes in the first column of a section's table. */
function firstColumn(heading: string): string[] {
  const [, section = ''] = new RegExp(`\n## ${heading}\n([^]*?)(?=\n## |$)`).exec(PAGE) ?? [];
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name);
}

describe('docs/agent-mesh.md', () => {
  it('describes each tool, and no other', () => {
    expect(firstColumn('Tools').sort()).toEqual(TOOLS.map(({ name }) => name).sort());
  });

  it('describes each variable, and no other', () => {
    expect(firstColumn('Variables').sort()).toEqual(Object.keys(new MeshEnvironment()).sort());
  });

  it('describes each error that no controller answered', () => {
    const source = readFileSync('src/mcp/stdio/http-mesh-client.ts', 'utf8');
    const codes = [...source.matchAll(/code: '(mesh\.\w+)'/g)].map(([, code = '']) => code);
    expect(firstColumn('Errors').sort()).toEqual(codes.sort());
  });

  it('advises on such an error as the tools do', () => {
    const advised = PAGE.split('\n').filter((line) => line.startsWith('| `mesh.'));
    expect(advised.length).toBeGreaterThan(0);
    for (const row of advised) {
      const [, code = '', , advice = ''] = row.split('|').map((cell) => cell.trim());
      for (const status of [undefined, 401, 404, 502]) {
        const problem = { code: code.replaceAll('`', ''), detail: '', ...(status && { status }) };
        expect(hintFor(problem).replaceAll('`', '')).toBe(advice.replaceAll('`', ''));
      }
    }
  });
});

describe('an operation', () => {
  it.each(Object.entries(OPERATIONS))('%s is a route of the controller', (_, route) => {
    const [method = '', path = ''] = route.split(' ');
    expect(Object.keys(API.paths[path] ?? {})).toContain(method.toLowerCase());
  });
});
