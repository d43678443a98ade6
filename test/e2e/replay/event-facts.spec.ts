import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { makeEveryChange } from '../../support/every-change.js';
import { EVENT_FACTS, factsTable } from '../../support/event-facts.js';
import { useSharedApp } from '../../support/kit.js';

/** Facts of events that no change of this test makes. */
const UNMADE = ['access_denied repeated'];

describe('the facts of audit events', () => {
  const mesh = useSharedApp();
  let seen: Map<string, string[][]>;

  beforeAll(async () => {
    await makeEveryChange(mesh);
    const rows = await mesh.query<{ event_type: string; facts: string[] }>(
      `SELECT event_type, ARRAY(SELECT jsonb_object_keys(metadata - 'request_trace_id') k ORDER BY k) AS facts
         FROM audit_events`,
    );
    seen = new Map();
    for (const { event_type, facts } of rows)
      seen.set(event_type, [...(seen.get(event_type) ?? []), facts]);
  });

  // Of commands of the operator: the specs of erasures, archives, recoveries and keys check them.
  const COMMANDS = [
    'audit_archived',
    'data_erased',
    'log_continued',
    'log_key_changed',
    'log_key_revoked',
  ];
  const types = Object.entries(EVENT_FACTS).filter(([type]) => !COMMANDS.includes(type));

  it.each(types)('of %s are exactly these', (type, { always, sometimes }) => {
    const events = seen.get(type) ?? [];
    const known = [...always, ...sometimes];

    expect(events.length).toBeGreaterThan(0);
    for (const facts of events) {
      expect(always.filter((name) => !facts.includes(name))).toEqual([]);
      expect(facts.filter((name) => !known.includes(name))).toEqual([]);
    }
    const unseen = sometimes.filter((name) => !events.some((facts) => facts.includes(name)));
    expect(unseen.map((name) => `${type} ${name}`)).toEqual(
      UNMADE.filter((fact) => fact.startsWith(`${type} `)),
    );
  });

  it('are those of docs/audit.md', () => {
    const rows = readFileSync('docs/audit.md', 'utf8')
      .split('\n')
      .filter((line) => /^\| `[a-z_]+` +\|/.test(line))
      .map((line) => line.replace(/ {2,}/g, ' '));

    expect(rows).toEqual(factsTable().map((row) => row.replace(/ {2,}/g, ' ')));
  });

  it('have the time of the change: of a session', async () => {
    const different = await mesh.query(
      `SELECT DISTINCT ON (s.id) e.event_type, e.timestamp = s.updated_at AS same
         FROM sessions s JOIN audit_events e ON e.session_id = s.id
        WHERE s.version > 1 AND e.metadata ? 'version' ORDER BY s.id, (e.metadata ->> 'version')::int DESC`,
    );

    expect(different.length).toBeGreaterThan(20);
    expect(different.filter(({ same }) => same !== true)).toEqual([]);
  });

  it('have the time of the change: of a vote', async () => {
    const votes = await mesh.query(
      `SELECT e.event_type FROM approval_votes v JOIN audit_events e
           ON e.approval_id = v.approval_id AND e.actor = v.subject AND e.timestamp = v.created_at
        UNION ALL
       SELECT 'renewed' FROM vote_renewals v JOIN audit_events e
           ON e.approval_id = v.approval_id AND e.actor = v.subject AND e.timestamp = v.renewed_at`,
    );
    const stored = await mesh.query(
      `SELECT 1 FROM approval_votes UNION ALL SELECT 1 FROM vote_renewals`,
    );

    expect(votes).toHaveLength(stored.length);
  });

  it('name the token of each decision by its id and issue time', async () => {
    const [decided] = await mesh.query<{ auth: unknown }>(
      `SELECT metadata -> 'auth' AS auth FROM audit_events
        WHERE event_type = 'approval_decided' AND metadata -> 'auth' ? 'jti' LIMIT 1`,
    );

    expect(decided?.auth).toEqual({ jti: expect.any(String), iat: expect.any(Number) });
  });

  it('contain no text that a person wrote, but in told', async () => {
    const events = await mesh.query<{ facts: string }>(
      `SELECT (metadata - 'told')::text AS facts FROM audit_events WHERE event_type NOT LIKE 'agent.%'`,
    );
    const told = [
      'Over the limit',
      'So be it',
      'The budget was cut',
      'On leave',
      'Wrong',
      'not mine',
    ];

    expect(events.filter(({ facts }) => told.some((text) => facts.includes(text)))).toEqual([]);
  });
});
