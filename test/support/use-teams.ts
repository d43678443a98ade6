import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { startTestApp, type TestApp } from './app.js';
import { brokenRules, Team } from './work.js';

/** A new team for each test of a `describe`, on one application. After the last test the rules of tasks must hold. */
export function useTeams(begin: (team: Team, mesh: TestApp) => void): void {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  beforeEach(() => {
    begin(new Team(mesh), mesh);
  });

  afterAll(async () => {
    expect(await brokenRules(mesh)).toEqual([]);
    await mesh.close();
  });
}
