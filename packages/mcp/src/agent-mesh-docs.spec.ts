import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { TOOLS } from '../../../src/mcp/tools/all-tools.js';
import { hintFor } from '../../../src/mcp/tools/error-hints.js';
import { OPERATIONS } from '../../../src/mcp/tools/operations.js';
import { MESH_VARIABLES } from './environment.js';

const PAGE = readFileSync('docs/agent-mesh.md', 'utf8');
const API = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, unknown>>;
};

/** The files with the codes of errors that do not come from a controller. */
const SOURCES = [
  'packages/client/src/http.ts',
  'packages/client/src/credentials/oidc-provider.ts',
  'packages/mcp/src/token.ts',
];

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
    expect(firstColumn('Variables').sort()).toEqual([...MESH_VARIABLES].sort());
  });

  it('describes each error that no controller answered', () => {
    const codes = SOURCES.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/'(mesh\.\w+)'/g)].map(([, code = '']) => code),
    );
    const atStart = 'mesh.credentials_invalid';
    const atCalls = new Set(codes.filter((code) => code !== atStart));
    expect(firstColumn('Errors').sort()).toEqual([...atCalls].sort());
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
