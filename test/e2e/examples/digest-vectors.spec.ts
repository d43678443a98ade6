import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { findCanonicalDigest } from '../../../src/common/json-digest.js';
import { routeTask, useSharedApp } from '../../support/kit.js';
import { ProgramRun } from '../../support/program-run.js';
import { findPython } from '../../support/python-program.js';

interface Vectors {
  valid: { name: string; json: string; canonical: string; sha256: string }[];
  invalid: { name: string; json: string }[];
}

const { valid, invalid } = JSON.parse(readFileSync('docs/vectors/digest.json', 'utf8')) as Vectors;

/**
 * The API refuses what some reader changes: U+0000, members of JavaScript objects, and integers that doubles round. They
 * have a canonical form nevertheless.
 */
const REFUSED = /U\+0000|name that is not allowed|integer within/;

describe('docs/vectors/digest.json', () => {
  const mesh = useSharedApp();
  let task: string;

  beforeAll(async () => {
    task = await routeTask(mesh, 'vectors-from', 'vectors-to');
  });

  const request = (json: string, approver: string) =>
    mesh
      .agent('vectors-from')
      .post<{ approval_id: string }>(
        '/approvals',
        `{"task_id":"${task}","approver_role":"${approver}","payload":${json}}`,
      );

  it.each(valid)('has the digest that the controller computes: $name', ({ json, sha256 }) => {
    const parsed = JSON.parse(json) as object;
    expect(findCanonicalDigest(parsed)?.toString('hex')).toBe(sha256);
  });

  it('has the digests that the controller stores with approvals', async () => {
    const refused: string[] = [];
    for (const { name, json, sha256 } of valid) {
      const { status, body, text } = await request(json, 'vectors-approver');
      if (status === 400) {
        expect({ name, text }).toMatchObject({ name, text: expect.stringMatching(REFUSED) });
        refused.push(name);
        continue;
      }
      const path = `/approvals/${body.approval_id}`;
      const approval = await mesh.agent('vectors-from').get<{ digest: string }>(path);
      expect({ name, sha256: approval.body.digest }).toEqual({ name, sha256 });
      await mesh.agent('vectors-from').post(`${path}/withdraw`, {});
    }
    expect(refused.length).toBeLessThan(10);
  });

  it.each(invalid)('has no digest, and the controller refuses it: $name', async ({ json }) => {
    expect(findCanonicalDigest(JSON.parse(json) as object)).toBeUndefined();
    const refused = await request(json, 'vectors-refuser');
    expect(refused).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  });

  it('has the canonical forms and digests that the Python worker computes', async () => {
    const program = `
import json, sys
sys.path.insert(0, 'examples/python')
sys.dont_write_bytecode = True
from worker import canonical, digest
vectors = json.load(sys.stdin)
valid = [[canonical(json.loads(v['json'])), digest(json.loads(v['json']))] for v in vectors['valid']]
def refuses(text):
    try:
        return bool(digest(json.loads(text))) and False
    except ValueError:
        return True
print(json.dumps({'valid': valid, 'refused': [refuses(v['json']) for v in vectors['invalid']]}))
`;
    const { path, env } = await findPython();
    const input = JSON.stringify({ valid, invalid });
    const run = new ProgramRun(path, ['-c', program], { env, input });
    const { errors, output } = await run.result();

    expect(errors).toBe('');
    expect(JSON.parse(output)).toEqual({
      valid: valid.map(({ canonical, sha256 }) => [canonical, sha256]),
      refused: invalid.map(() => true),
    });
  });
});
