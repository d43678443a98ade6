import { describe, expect, it } from '@jest/globals';
import { installedCli } from '../../support/cli.js';
import { useApp } from '../../support/kit.js';
import { runWalkthrough } from '../../support/walkthrough.js';

describe('The example of docs/cli.md', () => {
  const mesh = useApp();

  it('prints what the page shows', async () => {
    const bin = (await installedCli()).bin('mesh');
    const setup = `mesh() { "${bin}" "$@"; }; export MESH_CONFIG_DIR=/no/such/folder`;
    const roles = ['finance', 'manager'];
    const { url } = mesh;
    const walked = await runWalkthrough('docs/cli.md', 'Example', roles, { url, setup });
    expect(walked.printed).toEqual(walked.shown);
    expect(walked).toMatchObject({ code: 0 });
  });
});
