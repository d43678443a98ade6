import { fileURLToPath } from 'node:url';

const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
      keepClassNames: true,
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  },
];

const root = fileURLToPath(new URL('..', import.meta.url));

const servers = {
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
};

const project = (displayName, patterns, servers) => ({
  displayName,
  rootDir: root,
  testMatch: patterns.map((pattern) => `<rootDir>/${pattern}`),
  testEnvironment: '<rootDir>/test/support/patient-environment.js',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // A package of this repository is read from its sources, so that no test needs its build.
    '^@agent-mesh/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
  },
  transform: { '^.+\\.ts$': swc },
  ...servers,
  setupFiles: ['<rootDir>/test/support/setup.ts'],
});

/**
 * Three suites: unit (no server), integration (real Postgres and Redis), e2e (the whole application over HTTP). Of the
 * last two Jest sees the files at the top; those import the folders of their names.
 */
export default {
  rootDir: root,
  projects: [
    project('unit', ['src/**/*.spec.ts', 'packages/*/src/**/*.spec.ts']),
    project('integration', ['test/integration/*.spec.ts'], servers),
    project('e2e', ['test/e2e/*.spec.ts'], servers),
    project('long', ['test/long/**/*.spec.ts'], servers),
  ],
  reporters: [
    'default',
    '<rootDir>/test/support/long-run-reporter.js',
    '<rootDir>/test/support/summary-reporter.js',
  ],
  testSequencer: '<rootDir>/test/support/slowest-first-sequencer.js',
  maxWorkers: 2,
  testTimeout: 30_000,
  coverageProvider: 'v8',
  coverageReporters: ['text-summary'],
  coverageDirectory: 'coverage',
  collectCoverageFrom: ['{src,packages/*/src}/**/*.ts', '!**/*.spec.ts', '!**/generated/**'],
};
