import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { useTeams } from '../../support/use-teams.js';
import type { SessionBody, Team } from '../../support/work.js';

const ROUNDS = 5;
const COPIES = 3;

describe('a session that is created once by many requests with one key', () => {
  let mesh: TestApp;
  let team: Team;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
  });

  it('has an entity tag in the first response only', async () => {
    const other = await startTestApp({ databaseUrl: mesh.databaseUrl });
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        const token = tokenFor(team.role, newSubject('worker'));
        const clients = [mesh, other].map(({ url }) => new Client(url, token));
        const key = { 'idempotency-key': randomUUID() };
        const responses = await Promise.all(
          Array.from({ length: COPIES }, () =>
            clients.map((client) =>
              client.post<SessionBody>('/sessions', { role: team.role }, key),
            ),
          ).flat(),
        );
        const done = responses.filter(({ status }) => status < 300);
        const first = done.filter(({ status }) => status === 201);
        expect(first.map(({ body, headers }) => headers.get('etag') === `"${body.id}.1"`)).toEqual([
          true,
        ]);
        const replays = done.filter(({ status }) => status === 200);
        expect(replays.map(({ headers }) => headers.get('etag'))).toEqual(replays.map(() => null));
      }
    } finally {
      await other.close();
    }
  });
});
