import { describe, expect, it } from '@jest/globals';
import { leafText } from '../../../packages/verify/src/leaf.js';
import { CompactTree, leafHash } from '../../../packages/verify/src/tree.js';
import {
  listRows,
  newSigningKey,
  newestHead,
  openCheckpoint,
  sealing,
  untilSigned,
} from '../../support/audit-log.js';
import { routeTask, times, useApp } from '../../support/kit.js';

describe('The sealer', () => {
  const key = newSigningKey();
  const mesh = useApp({ env: sealing(key) });

  it('signs the root over the leaves of all events, in the order of the event log', async () => {
    await Promise.all(times(300, () => routeTask(mesh, 'finance', 'manager')));
    await untilSigned(mesh);

    const rows = await listRows(mesh);
    const tree = CompactTree.empty();
    for (const row of rows) tree.append(leafHash(leafText(row)));
    const head = openCheckpoint(await newestHead(mesh), key);
    expect(head).toMatchObject({ size: rows.length, root: tree.root() });
    expect(rows.length).toBeGreaterThanOrEqual(300);
  });

  it('signs heads of one tree', async () => {
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    const heads = await mesh.query<{ size: string; root: Buffer }>(
      'SELECT size, root FROM audit_heads ORDER BY size',
    );
    const tree = CompactTree.empty();
    const roots = new Map<number, Buffer>();
    for (const row of await listRows(mesh)) {
      tree.append(leafHash(leafText(row)));
      roots.set(tree.size, tree.root());
    }
    expect(heads.length).toBeGreaterThan(1);
    for (const { size, root } of heads) expect(roots.get(Number(size))).toEqual(root);
  });
});
