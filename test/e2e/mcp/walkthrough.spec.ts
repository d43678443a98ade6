import { describe, expect, it } from '@jest/globals';
import { useApp } from '../../support/kit.js';
import { runWalkthrough } from '../../support/walkthrough.js';

describe('The example of docs/agent-mesh.md', () => {
  const mesh = useApp();

  it('prints what the page shows', async () => {
    // On the page, the two clients have sent requests before.
    await mesh.agent('manager').get('/me');
    const roles = ['finance', 'manager'];
    const walked = await runWalkthrough('docs/agent-mesh.md', 'Example', roles, mesh);
    expect(walked.printed).toEqual(walked.shown);
    expect(walked).toMatchObject({ code: 0, errors: '' });
  });
});
