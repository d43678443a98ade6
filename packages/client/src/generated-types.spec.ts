import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const FILE = 'types.gen.ts';

describe('The generated types', () => {
  it('are those of docs/openapi.json: else run "npm run client:types"', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'types-'));
    await run(process.execPath, ['packages/client/generate-types.js', folder]);
    const fresh = await readFile(join(folder, FILE), 'utf8');
    await rm(folder, { recursive: true });

    expect((await readFile(`packages/client/src/generated/${FILE}`, 'utf8')) === fresh).toBe(true);
  });
});
