import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FormatError } from './encoding.js';
import { canonicalJson, parseJson } from './json.js';
import {
  commit,
  disclosuresOf,
  type EventRow,
  hasErasedParts,
  leafText,
  openDisclosures,
  parseLeaf,
} from './leaf.js';
import { leafHash } from './tree.js';

const FACTS = {
  approver_role: 'cfo',
  decision: 'approved',
  votes: 2,
  quorum: 2,
  stage: 1,
  stages: ['cfo'],
};
const DIGEST = '322db82bde513960cf828641b8fe3417c1db6b454b93714e121bc5f1ef6c45f0';

/** The vector of the format, which another program has computed. */
const ROW: EventRow = {
  id: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c',
  event_type: 'approval_decided',
  role: 'cfo',
  trace_id: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  task_id: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  session_id: null,
  approval_id: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  timestamp: '2026-01-31T12:00:05.123456Z',
  actor: 'https://idp.example.com/realms/corp#ann',
  metadata: JSON.stringify({ ...FACTS, digest: DIGEST, told: 'fine with me' }),
  salt: '7b0f3e3a-9f52-4f09-8a66-2b9f3a3a1111',
  erased: null,
};

const LEAF =
  '{"approval_id":"019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c","event_type":"approval_decided","facts":{"approver_role":"cfo","decision":"approved","quorum":2,"stage":1,"stages":["cfo"],"votes":2},"id":"019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c","role":"cfo","sd":{"actor":"crGKpsFYuJ22G-42nWjKe2bhMh-6OREJwboSo6_BsPw","details":"ncsD6YsUpftzxyOHS8-Amp88xNeiitic2krjqm1X-Dc","digest":"lu3MMTSrosIjtIT5TFHPGYlzOQPB6wvgpsX2HRI6U7A"},"session_id":null,"task_id":"019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c","timestamp":"2026-01-31T12:00:05.123456Z","trace_id":"0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c","v":1}';

describe('The leaf of an event', () => {
  it('is that of the vector', () => {
    expect(leafText(ROW)).toBe(LEAF);
    expect(LEAF).toHaveLength(582);
    expect(leafHash(LEAF).toString('hex')).toBe(
      'fbccf8717dfa54b9b8e058d79130b55a5992e404029cf1fdba3da60469d16700',
    );
  });

  it('is canonical JSON for any text and any facts', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom('task_routed', 'agent.tool.called'),
        (text, facts, event_type) => {
          const metadata = JSON.stringify(facts);
          const row = { ...ROW, actor: text, role: text, event_type, metadata };
          const leaf = leafText(row);

          expect(canonicalJson(parseJson(leaf))).toBe(leaf);
          expect(parseLeaf(leaf)).toMatchObject({ role: text, event_type });
        },
      ),
    );
  });

  it('commits to text in own words and to subjects other than the actor', () => {
    const details = {
      told: 'Nobody is left',
      discarded_votes: [{ subject: 'https://idp.example.com#bob', decision: 'approved' }],
      paused_by: 'https://idp.example.com#cid',
    };
    const row = { ...ROW, metadata: JSON.stringify({ from: 'legal', ...details }) };
    const { facts, sd } = parseLeaf(leafText(row));

    expect(facts).toEqual({ from: 'legal' });
    expect(Object.keys(sd)).toEqual(['actor', 'details']);
    expect(sd.details).toBe(commit(ROW.salt ?? '', 'details', details).digest);
  });

  it('has the same hash whatever the order of the members of metadata', () => {
    const members = Object.entries({ told: 'fine with me', digest: DIGEST, ...FACTS });
    const metadata = JSON.stringify(Object.fromEntries(members.reverse()));

    expect(leafText({ ...ROW, metadata })).toBe(LEAF);
  });

  it.each([
    ['actor', { actor: 'mallory' }],
    ['time by one microsecond', { timestamp: '2026-01-31T12:00:05.123457Z' }],
    ['salt', { salt: '7b0f3e3a-9f52-4f09-8a66-2b9f3a3a1112' }],
    ['role', { role: 'manager' }],
    ['type', { event_type: 'approval_voted' }],
    ['task', { task_id: null }],
    ['free text', { metadata: ROW.metadata.replace('fine', 'bad') }],
    ['digest', { metadata: ROW.metadata.replace('322d', '322e') }],
    ['a fact', { metadata: ROW.metadata.replace('"votes":2', '"votes":1') }],
  ])('changes with the %s', (_, change) => {
    expect(leafText({ ...ROW, ...change })).not.toBe(LEAF);
  });

  it('has all metadata of an agent in one commitment', () => {
    const leaf = parseLeaf(leafText({ ...ROW, event_type: 'agent.tool.called' }));

    expect(leaf.facts).toEqual({});
    expect(Object.keys(leaf.sd)).toEqual(['actor', 'details']);
  });

  it.each([
    '12345678901234567890',
    '9007199254740993',
    '0.1000000000000000055511151231257827',
    '1e400',
    '-12345678901234567890.5',
  ])('commits to the text of metadata with the number %s, which no double holds', (number) => {
    const metadata = `{"a": "1", "n": ${number}}`;
    const row = { ...ROW, metadata };
    const leaf = parseLeaf(leafText(row));

    expect(leaf.facts).toEqual({});
    expect(openDisclosures(leaf, [...disclosuresOf(row).values()]).get('details')).toEqual({
      jsonb: metadata,
    });
  });

  it.each([
    '1.0',
    '1e21',
    '5e-324',
    '123456789012345680',
    '1000000000000000000000',
    '1.00000000000000000',
    '-0',
    `0.${'0'.repeat(323)}5`,
  ])('holds the number %s as a fact', (number) => {
    const leaf = parseLeaf(leafText({ ...ROW, metadata: `{"n": ${number}}` }));

    expect(leaf.facts).toEqual({ n: Number(number) === 0 ? 0 : Number(number) });
  });

  it('does not take digits in a string for a number', () => {
    const metadata = String.raw`{"n": "12345678901234567890", "m": "\"12345678901234567890"}`;

    expect(parseLeaf(leafText({ ...ROW, metadata })).facts).toEqual(JSON.parse(metadata));
  });

  it.each(['[]', 'null', '"text"', '1'])(
    'commits to metadata that is no object: %s',
    (metadata) => {
      const leaf = parseLeaf(leafText({ ...ROW, metadata }));

      expect(Object.keys(leaf.sd)).toEqual(['actor', 'details']);
    },
  );

  it('keeps members that JavaScript treats specially', () => {
    const metadata = '{"__proto__": {"a": 1}, "toJSON": 1, "constructor": 2}';

    expect(leafText({ ...ROW, metadata })).toContain(
      '{"__proto__":{"a":1},"constructor":2,"toJSON":1}',
    );
  });

  it('of an event without salt that was not erased does not exist', () => {
    expect(() => leafText({ ...ROW, salt: null })).toThrow(FormatError);
    expect(() => leafText({ ...ROW, salt: 'no uuid' })).toThrow(FormatError);
  });
});

describe('An erased event', () => {
  it('has the same leaf, without the erased values', () => {
    const { sd } = parseLeaf(LEAF);
    const metadata = JSON.stringify(FACTS);
    const erased = { ...ROW, actor: 'erased', salt: null, erased: { ...sd }, metadata };

    expect(leafText(erased)).toBe(LEAF);
    expect(disclosuresOf(erased).size).toBe(0);
  });

  it('has no actor, salt, text, or digest', () => {
    const { sd } = parseLeaf(LEAF);
    const metadata = JSON.stringify(FACTS);
    const erased = { ...ROW, actor: 'erased', salt: null, erased: { ...sd }, metadata };
    const report = { ...erased, event_type: 'agent.crm.read' };

    expect(hasErasedParts(ROW)).toBe(false);
    expect(hasErasedParts(erased)).toBe(false);
    expect(hasErasedParts({ ...report, metadata: '{}' })).toBe(false);
    for (const changed of [
      { ...erased, actor: 'mallory' },
      { ...erased, salt: ROW.salt },
      { ...erased, metadata: ROW.metadata },
      { ...erased, metadata: JSON.stringify({ ...FACTS, digest: DIGEST }) },
      { ...erased, metadata: '{"votes":9007199254740993}' },
      report,
    ]) {
      expect(hasErasedParts(changed)).toBe(true);
    }
  });
});

describe('A disclosure', () => {
  const opened = (disclosures: readonly string[]): Map<string, unknown> =>
    openDisclosures(parseLeaf(LEAF), disclosures);

  it('opens its part and no other', () => {
    const disclosures = disclosuresOf(ROW);

    expect(Object.fromEntries(opened([...disclosures.values()]))).toEqual({
      actor: ROW.actor,
      details: { told: 'fine with me' },
      digest: DIGEST,
    });
    const actor = Buffer.from(disclosures.get('actor') ?? '', 'base64url').toString();
    expect(actor).toBe(`["mutaFl8Jw0rFZho1u_O2J4","actor","${ROW.actor}"]`);
  });

  it('of another event, twice, or in another encoding is refused', () => {
    const other = commit('7b0f3e3a-9f52-4f09-8a66-2b9f3a3a1112', 'actor', ROW.actor).disclosure;
    const actor = disclosuresOf(ROW).get('actor') ?? '';

    expect(() => opened([other])).toThrow(FormatError);
    expect(() => opened([actor, actor])).toThrow(FormatError);
    expect(() => opened([`${actor}=`])).toThrow(FormatError);
    expect(() => opened([Buffer.from('["a","b"]').toString('base64url')])).toThrow(FormatError);
    expect(() => opened([Buffer.from('{}').toString('base64url')])).toThrow(FormatError);
  });
});

describe('The text of a leaf', () => {
  it.each([
    ['with a space', LEAF.replace('{', '{ ')],
    ['in another order', LEAF.replace('"v":1}', '"v":1,"a":1}')],
    ['of another version', LEAF.replace('"v":1', '"v":2')],
    ['with another member', LEAF.replace('"v":1', '"v":1,"x":1')],
    ['without a member', LEAF.replace('"session_id":null,', '')],
    ['with a number as its role', LEAF.replace('"role":"cfo"', '"role":1')],
    ['with facts that are no object', LEAF.replace(/"facts":\{[^}]*\}/, '"facts":[]')],
    ['that is not JSON', LEAF.slice(1)],
    ['that is an array', '[]'],
  ])('%s is refused', (_, text) => {
    expect(() => parseLeaf(text)).toThrow(FormatError);
  });
});
