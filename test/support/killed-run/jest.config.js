import config from '../../jest.config.js';

/** Two tests, so that each has a worker, that start servers and wait to be killed. */
export default {
  ...config,
  projects: config.projects
    .filter(({ displayName }) => displayName === 'integration')
    .map((project) => ({ ...project, testMatch: ['<rootDir>/test/support/killed-run/*.ts'] })),
  reporters: [],
  testSequencer: '@jest/test-sequencer',
};
