import { beforeAll, describe, expect, it } from '@jest/globals';
import { verifyBundle } from './bundle.js';
import { disclosuresPath } from './bundle-log.js';
import { exitCode, type Finding, findingLine } from './findings.js';
import { disclosuresOf, leafText } from './leaf.js';
import {
  type Checkpoint,
  checkpointText,
  parseVerifierKey,
  signCheckpoint,
  signText,
} from './note.js';
import { logsPolicy } from './policy.js';
import { appendChain, newSigner, SealedLog, SIGNED_AT } from './testing/sealed-log.js';
import { decodeEntries, encodeEntries } from './tiles.js';
import { leafHash } from './tree.js';

const log = new SealedLog();
const policy = logsPolicy([parseVerifierKey(log.signer.vkey)]);
let files: Map<string, Buffer>;

beforeAll(async () => {
  appendChain(log);
  log.fill(1_119);
  files = await log.bundle();
});

type Change = (copy: Map<string, Buffer>) => void;

async function verify(change: Change = () => undefined, heads?: Checkpoint[]): Promise<Finding[]> {
  const copy = new Map(files);
  change(copy);
  const known = heads && { heads };
  const report = await verifyBundle((path) => Promise.resolve(copy.get(path)), {
    policy,
    ...known,
  });
  return [...report.findings];
}

const lines = (findings: readonly Finding[]): string[] => findings.map(findingLine);

function replaceEntry(copy: Map<string, Buffer>, bundle: string, n: number, text: string): void {
  const entries = decodeEntries(copy.get(bundle) ?? Buffer.alloc(0));
  copy.set(bundle, encodeEntries(entries.map((entry, index) => (index === n ? text : entry))));
}

function replaceHash(copy: Map<string, Buffer>, tile: string, n: number, hash: Buffer): void {
  const bytes = Buffer.from(copy.get(tile) ?? Buffer.alloc(0));
  hash.copy(bytes, n * 32);
  copy.set(tile, bytes);
}

/** Entry 700 with another role. */
function forgedEntry(): string {
  return leafText({ ...row(700), role: 'forged' });
}

function row(index: number) {
  const found = log.rows[index];
  if (!found) throw new Error(`no row ${index}`);
  return found;
}

describe('A bundle', () => {
  it('verifies with the key of the log only', async () => {
    expect(await verify()).toEqual([]);
    expect(await verify(undefined, [log.head(81), log.head(1_033), log.head()])).toEqual([]);
  });

  it.each<[string, Change, string[]]>([
    [
      'a changed entry',
      (copy) => {
        replaceEntry(copy, 'tile/entries/002', 700 - 512, forgedEntry());
      },
      ['INVALID entry 700 does not hash to its tile'],
    ],
    [
      'a changed entry with its hash',
      (copy) => {
        replaceEntry(copy, 'tile/entries/002', 700 - 512, forgedEntry());
        replaceHash(copy, 'tile/0/002', 700 - 512, leafHash(forgedEntry()));
      },
      ['INVALID tile 0/2 does not hash to its parent: entries 512 to 767'],
    ],
    [
      'a changed hash of level 0',
      (copy) => {
        replaceHash(copy, 'tile/0/002', 3, Buffer.alloc(32));
      },
      [
        'INVALID entry 515 does not hash to its tile',
        'INVALID tile 0/2 does not hash to its parent: entries 512 to 767',
      ],
    ],
    [
      'a changed hash of level 1',
      (copy) => {
        replaceHash(copy, 'tile/1/000.p/4', 1, Buffer.alloc(32));
      },
      ['INVALID tile 0/1 does not hash to its parent: entries 256 to 511'],
    ],
    [
      'a changed entry of the last tile with its hash',
      (copy) => {
        const text = leafText({ ...row(1_100), role: 'forged' });
        replaceEntry(copy, 'tile/entries/004.p/101', 1_100 - 1_024, text);
        replaceHash(copy, 'tile/0/004.p/101', 1_100 - 1_024, leafHash(text));
      },
      ['INVALID tiles do not add up to the head of 1125'],
    ],
    [
      'an entry that is no leaf',
      (copy) => {
        replaceEntry(copy, 'tile/entries/002', 1, '{}');
      },
      ['INVALID entry 513: not a leaf of version 1', 'INVALID entry 513 does not hash to its tile'],
    ],
    [
      'a missing bundle of entries',
      (copy) => {
        copy.delete('tile/entries/001');
      },
      ['INCOMPLETE tile/entries/001 is missing: entries 256 to 511'],
    ],
    [
      'a missing tile, which the entries replace',
      (copy) => {
        copy.delete('tile/0/001');
        copy.delete('tile/1/000.p/4');
      },
      ['INCOMPLETE tile/1/000.p/4 is missing'],
    ],
    [
      'missing entries and tiles',
      (copy) => {
        copy.delete('tile/entries/001');
        copy.delete('tile/0/001');
      },
      [
        'INCOMPLETE tile/entries/001 is missing: entries 256 to 511',
        'INCOMPLETE tile/0/001 is missing',
        'INCOMPLETE the root of 1125 entries cannot be computed',
      ],
    ],
    [
      'a bundle of entries that is cut',
      (copy) => {
        copy.set(
          'tile/entries/001',
          (copy.get('tile/entries/001') ?? Buffer.alloc(0)).subarray(0, -1),
        );
      },
      ['INVALID tile/entries/001: the bundle ends within an entry'],
    ],
    [
      'a tile that is cut',
      (copy) => {
        copy.set('tile/0/001', (copy.get('tile/0/001') ?? Buffer.alloc(0)).subarray(0, -32));
      },
      ['INVALID tile/0/001 has not 256 hashes'],
    ],
    [
      'a missing head',
      (copy) => {
        copy.delete('checkpoint');
      },
      ['INCOMPLETE checkpoint is missing'],
    ],
    [
      'a head without the last newline',
      (copy) => {
        copy.set('checkpoint', (copy.get('checkpoint') ?? Buffer.alloc(0)).subarray(0, -1));
      },
      ['INVALID the note does not end with a newline'],
    ],
  ])('with %s is found', async (_, change, expected) => {
    expect(lines(await verify(change))).toEqual(expected);
  });

  it('has disclosures that open its entries', async () => {
    const line = (index: number, of = index): string =>
      JSON.stringify({ index, open: [...disclosuresOf(row(of)).values()] });
    const disclose = (...texts: string[]): Promise<Finding[]> =>
      verify((copy) =>
        copy.set(disclosuresPath(2), Buffer.from(texts.map((text) => `${text}\n`).join(''))),
      );

    expect(disclosuresPath(2)).toBe('disclosures/002.ndjson');
    expect(await disclose(line(512), line(767))).toEqual([]);
    expect(lines(await disclose(line(512, 513)))).toEqual([
      'INVALID entry 512: not the disclosure of actor',
    ]);
    expect(lines(await disclose(line(3)))).toEqual([
      'INVALID disclosures/002.ndjson: a line is of entry 3',
    ]);
    expect(lines(await disclose('{}'))).toEqual([
      'INVALID disclosures/002.ndjson: not a line of disclosures',
    ]);
  });
});

describe('A bundle of a range', () => {
  const PARTS = ['tile/entries/000', 'tile/entries/001', 'tile/entries/003'];

  async function verifyRange(
    from: number,
    to: number,
    change: Change = () => undefined,
  ): Promise<{ lines: string[]; notes: readonly string[] }> {
    const copy = new Map(files);
    for (const path of PARTS) copy.delete(path);
    change(copy);
    const report = await verifyBundle((path) => Promise.resolve(copy.get(path)), {
      policy,
      heads: [log.head(81), log.head()],
      range: { from, to },
    });
    return { lines: lines(report.findings), notes: report.notes };
  }

  it('verifies with its entries and all tiles', async () => {
    expect(await verifyRange(512, 767)).toEqual({
      lines: [],
      notes: ['log mesh.example.com/audit/log: 1125 entries, 0 disclosures', 'entries 512 to 767'],
    });
    expect(await verifyRange(1_024, Infinity)).toMatchObject({
      lines: [],
      notes: [expect.any(String), 'entries 1024 to 1124'],
    });
  });

  it('does not verify without one of its entries, or with a changed one', async () => {
    expect((await verifyRange(511, 512)).lines).toEqual([
      'INCOMPLETE tile/entries/001 is missing: entries 256 to 511',
    ]);
    expect((await verifyRange(1_000, 1_125)).lines).toEqual([
      'INCOMPLETE tile/entries/003 is missing: entries 768 to 1023',
      'INCOMPLETE the log has only 1125 entries',
    ]);
    const forge: Change = (copy) => {
      replaceEntry(copy, 'tile/entries/002', 700 - 512, forgedEntry());
    };
    // Entries outside of the range are compared if they are there.
    expect((await verifyRange(1_024, 1_124, forge)).lines).toEqual([
      'INVALID entry 700 does not hash to its tile',
    ]);
  });

  it('needs the tiles of all entries', async () => {
    const cut: Change = (copy) => copy.delete('tile/0/000');
    expect((await verifyRange(512, 767, cut)).lines).toEqual([
      'INCOMPLETE tile/0/000 is missing',
      'INCOMPLETE the root of 1125 entries cannot be computed',
      'INCOMPLETE the root at the published head of 81 cannot be computed',
      'INCOMPLETE the root at the published head of 1125 cannot be computed',
    ]);
  });
});

describe('A log that continues another', () => {
  it('shows the end of the other one', async () => {
    const continued = new SealedLog(log.signer);
    continued.append('log_continued', 'system', {
      origin: 'mesh.example.com/audit/old',
      size: 1_100,
      head: { size: 1_125, root: 'x' },
      reason: 'line one\nline two',
    });
    const own = await continued.bundle();
    const { findings, notes } = await verifyBundle((path) => Promise.resolve(own.get(path)), {
      policy,
    });

    expect(findings).toEqual([]);
    expect(notes[1]).toBe(
      'entry 0: log_continued: the log mesh.example.com/audit/old ended with 1100 entries, of which a head of 1125 was published: line one\\u000aline two',
    );
  });
});

describe('Known heads', () => {
  const SIZES = [81, 140, 240, 519, 1_033, 1_125];

  it('show that the end was cut', async () => {
    const cut = new SealedLog(log.signer);
    cut.rows.push(...log.rows.slice(0, 1_100));
    const own = await cut.bundle();
    const report = await verifyBundle((path) => Promise.resolve(own.get(path)), {
      policy,
      heads: SIZES.map((size) => log.head(size)),
    });

    expect(lines(report.findings)).toEqual([
      'DIVERGED log ends at 1100; a head of 1125 was published: entries 1100 to 1124 were cut',
    ]);
    expect(exitCode(report.findings)).toBe(2);
  });

  it('show that the log was rebuilt with the stolen key', async () => {
    const rebuilt = new SealedLog(log.signer);
    rebuilt.rows.push(...log.rows.map((one, n) => (n === 700 ? { ...one, role: 'forged' } : one)));
    const own = await rebuilt.bundle();
    const against = async (heads: Checkpoint[]): Promise<string[]> =>
      lines(
        (await verifyBundle((path) => Promise.resolve(own.get(path)), { policy, heads })).findings,
      );

    expect(await against([])).toEqual([]);
    expect(await against(SIZES.map((size) => log.head(size)))).toEqual([
      'DIVERGED published head of 1033 is not of this log: rebuilt at or after entry 519, before 1033',
    ]);
  });

  it('are also those in the bundle', async () => {
    const heads = await Promise.all([81, 519].map((size) => log.note(size)));
    const forged = await signCheckpoint(
      { ...log.head(519), root: Buffer.alloc(32) },
      SIGNED_AT,
      log.signer,
    );

    expect(await verify((copy) => copy.set('heads', Buffer.from(heads.join('\n'))))).toEqual([]);
    expect(await verify((copy) => copy.set('heads', Buffer.from(heads.join(''))))).toEqual([]);
    expect(lines(await verify((copy) => copy.set('heads', Buffer.from(forged))))).toEqual([
      'DIVERGED published head of 519 is not of this log: rebuilt at or after entry 0, before 519',
    ]);
  });
});

describe('A key that was changed', () => {
  const next = newSigner();
  const rotated = new SealedLog(log.signer);
  rotated.fill(10);
  rotated.append('log_key_changed', 'system', { old: log.signer.vkey, new: next.vkey });
  rotated.fill(10);
  const both = async (size: number): Promise<string> =>
    (await rotated.note(size)) + (await signText(checkpointText(rotated.head(size)), next));
  const verifyWith = async (
    heads: string[],
    last: string,
    vkey = log.signer.vkey,
  ): Promise<string[]> => {
    const own = await rotated.bundle();
    own.set('heads', Buffer.from(heads.join('\n')));
    own.set('checkpoint', Buffer.from(last));
    const trust = logsPolicy([parseVerifierKey(vkey)]);
    return lines(
      (await verifyBundle((path) => Promise.resolve(own.get(path)), { policy: trust })).findings,
    );
  };
  const newest = (): Promise<string> => signCheckpoint(rotated.head(), SIGNED_AT, next);

  it('is followed from the old key, through the head that both have signed', async () => {
    expect(await verifyWith([await rotated.note(5), await both(12)], await newest())).toEqual([]);
    expect(await verifyWith([await both(12)], await newest(), next.vkey)).toEqual([]);
  });

  it('is not followed without that head', async () => {
    expect(await verifyWith([await rotated.note(5)], await newest())).toEqual([
      'INVALID no trusted key has signed the head of 21',
    ]);
    expect(await verifyWith([await rotated.note(12)], await newest())).toEqual([
      'INVALID the new key of entry 10 has not signed the head of 12',
      'INVALID no trusted key has signed the head of 21',
    ]);
  });

  it('no longer signs heads', async () => {
    const old = await rotated.note();

    expect(await verifyWith([await both(12)], old)).toEqual([
      'INVALID no trusted key has signed the head of 21',
    ]);
  });
});

describe('A key that was revoked', () => {
  const next = newSigner();
  const revoked = new SealedLog(log.signer);
  revoked.fill(10);
  revoked.append('log_key_changed', 'system', { old: log.signer.vkey, new: next.vkey });
  revoked.append('log_key_revoked', 'system', { vkey: log.signer.vkey, good_until_size: 8 });
  revoked.fill(10);
  const byOld = (size: number): Promise<string> => revoked.note(size);
  const byNext = (size = revoked.size): Promise<string> =>
    signCheckpoint(revoked.head(size), SIGNED_AT, next);
  const verifyWith = async (heads: string[], ...vkeys: string[]): Promise<string[]> => {
    const own = await revoked.bundle();
    own.set('heads', Buffer.from(heads.slice(0, -1).join('\n')));
    own.set('checkpoint', Buffer.from(heads.at(-1) ?? ''));
    const trust = logsPolicy(vkeys.map(parseVerifierKey));
    return lines(
      (await verifyBundle((path) => Promise.resolve(own.get(path)), { policy: trust })).findings,
    );
  };

  it('does not count after its limit, also for heads before the revocation', async () => {
    const keys = [log.signer.vkey, next.vkey];
    expect(await verifyWith([await byOld(5), await byOld(9), await byNext()], ...keys)).toEqual([]);
    expect(await verifyWith([await byNext(15), await byOld(22)], ...keys)).toEqual([
      'INVALID no trusted key has signed the head of 22',
    ]);
  });

  it('leads to no other key', async () => {
    const both = (await byOld(12)) + (await signText(checkpointText(revoked.head(12)), next));
    expect(await verifyWith([await byOld(5), both, await byNext()], log.signer.vkey)).toEqual([
      'INVALID no trusted key has signed the head of 22',
    ]);
    expect(await verifyWith([await byOld(5), both, await byNext()], next.vkey)).toEqual([]);
  });

  it('does not revoke itself', async () => {
    expect(await verifyWith([await byOld(12), await byOld(22)], log.signer.vkey)).toEqual([
      'INVALID the new key of entry 10 has not signed the head of 12',
    ]);
    const alone = new SealedLog(log.signer);
    alone.fill(3);
    alone.append('log_key_revoked', 'system', { vkey: log.signer.vkey, good_until_size: 1 });
    const own = await alone.bundle();
    const report = await verifyBundle((path) => Promise.resolve(own.get(path)), { policy });
    expect(report.findings).toEqual([]);
    expect(report.notes).toContain(`entry 3: ${log.signer.vkey} is revoked, good until 1`);
  });

  it.each([
    ['log_key_changed', { old: 'no key', new: next.vkey }],
    ['log_key_changed', { old: log.signer.vkey }],
    ['log_key_revoked', { vkey: log.signer.vkey, good_until_size: 'all' }],
    ['log_key_revoked', { good_until_size: 1 }],
  ])('is invalid if its event %s has the facts %j', async (type, facts) => {
    const broken = new SealedLog(log.signer);
    broken.append(type, 'system', facts);
    const own = await broken.bundle();
    const report = await verifyBundle((path) => Promise.resolve(own.get(path)), { policy });
    expect(lines(report.findings)).toEqual([expect.stringMatching(/^INVALID entry 0: /)]);
  });
});
