import { afterAll, beforeAll, it } from '@jest/globals';
import { newDatabase, startTestApp, type TestApp } from '../support/app.js';
import { dropTestDatabase } from '../support/postgres.js';
import { voteConcurrently } from '../support/concurrent-votes.js';

const APPROVALS = 100;

let databaseUrl: string;
let meshes: [TestApp, TestApp];

beforeAll(async () => {
  databaseUrl = await newDatabase();
  meshes = [await startTestApp({ databaseUrl }), await startTestApp({ databaseUrl })];
});

afterAll(async () => {
  await Promise.all(meshes.map((mesh) => mesh.close()));
  await dropTestDatabase(databaseUrl);
});

it.each([1, 2, 3])(
  `50 deciders and ${APPROVALS} approvals with a quorum of %i: one decision each`,
  async (quorum) => {
    await voteConcurrently(meshes, quorum, APPROVALS);
  },
  1_200_000,
);
