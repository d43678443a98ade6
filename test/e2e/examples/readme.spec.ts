import { describe, expect, it } from '@jest/globals';
import { useSharedApp } from '../../support/kit.js';
import { runWalkthrough } from '../../support/walkthrough.js';

describe('The five minutes with curl of README.md', () => {
  const mesh = useSharedApp();

  it('print what the page shows', async () => {
    const roles = ['finance', 'manager', 'cfo', 'legal'];
    const { url } = mesh;
    const walked = await runWalkthrough('README.md', 'Five minutes with curl', roles, { url });
    expect(walked.printed).toEqual(walked.shown);
    expect(walked).toMatchObject({ code: 0, errors: '' });
  });
});
