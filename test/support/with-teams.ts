import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { startTestApp, type TestApp } from './app.js';
import { brokenRules, Team } from './work.js';

/** Gives each spec of a `describe` a new team on the mesh that all of them share; in the end the rules of work must hold. */
export function withTeams(begin: (team: Team, mesh: TestApp) => void): void {
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
