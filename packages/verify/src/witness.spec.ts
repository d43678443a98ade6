import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FormatError } from './encoding.js';
import { cosignatureVerifier, parseNote, parseVerifierKey, verifyNote } from './note.js';
import { newSigner, SealedLog, SIGNED_AT } from './testing/sealed-log.js';
import { consistencyProof } from './tree.js';
import { addCheckpointBody, SIZE_TYPE, Witness, type WitnessResponse } from './witness.js';
import { WitnessFile } from './witness-file.js';

const log = new SealedLog();
log.fill(40);
/** The same log, rebuilt with the stolen key. */
const fork = new SealedLog(log.signer);
fork.rows.push(...log.rows.map((row, n) => (n === 5 ? { ...row, role: 'forged' } : row)));
const signer = newSigner('witness.example.org/w1');
const cosigner = cosignatureVerifier(parseVerifierKey(signer.vkey));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-witness-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function witnessOf(name: string): Promise<Witness> {
  const state = await WitnessFile.open(join(folder, name));
  return new Witness(signer, [parseVerifierKey(log.signer.vkey)], state, () => SIGNED_AT);
}

async function add(
  witness: Witness,
  size: number,
  old: number,
  of = log,
): Promise<WitnessResponse> {
  const proof = consistencyProof(Math.min(old, size), size, of.read);
  const body = addCheckpointBody({ old, proof, note: await of.note(size) });
  return witness.addCheckpoint(Buffer.from(body));
}

describe('A witness', () => {
  it('cosigns heads that extend each other, and the same one again', async () => {
    const witness = await witnessOf('honest');

    expect((await add(witness, 10, 0)).status).toBe(200);
    expect((await add(witness, 40, 10)).status).toBe(200);
    const again = await add(witness, 40, 40);
    expect(again).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' });
    const note = parseNote((await log.note(40)) + again.body);
    expect(verifyNote(note, [cosigner])).toEqual([{ verifier: cosigner, time: SIGNED_AT }]);
  });

  it('refuses a fork with 422, also with a proof of its own, and a rollback with 409', async () => {
    const witness = await witnessOf('fork');
    await add(witness, 10, 0);

    expect(await add(witness, 40, 10, fork)).toMatchObject({ status: 422 });
    expect(await add(witness, 10, 10, fork)).toMatchObject({ status: 409 });
    expect(await add(witness, 8, 8)).toEqual({ status: 409, type: SIZE_TYPE, body: '10\n' });
    expect(await add(witness, 8, 0)).toEqual({ status: 409, type: SIZE_TYPE, body: '10\n' });
    expect(await add(witness, 40, 0, fork)).toEqual({ status: 409, type: SIZE_TYPE, body: '10\n' });
    expect((await add(witness, 40, 10)).status).toBe(200);
  });

  it('cosigns one of many heads that are submitted at the same time', async () => {
    const witness = await witnessOf('race');
    const sizes = [30, 20, 10, 40, 15];
    const responses = await Promise.all(sizes.map((size) => add(witness, size, 0)));
    const statuses = responses.map(({ status }) => status).sort();

    expect(statuses).toEqual([200, 409, 409, 409, 409]);
  });

  it('keeps its heads over a restart', async () => {
    await add(await witnessOf('restart'), 10, 0);
    const witness = await witnessOf('restart');

    expect(await add(witness, 40, 10, fork)).toMatchObject({ status: 422 });
    expect(await add(witness, 40, 10)).toMatchObject({ status: 200 });
    expect(JSON.parse(await readFile(join(folder, 'restart'), 'utf8'))).toEqual({
      'mesh.example.com/audit/log': { size: 40, root: log.head(40).root.toString('base64') },
    });
  });

  it.each(['', '[]', '{"a":1}', '{"a":{"size":1}}', '{"a":{"size":-0.5,"root":""}}'])(
    'does not start with a state of %j',
    async (text) => {
      const path = join(folder, 'broken');
      await writeFile(path, text);

      await expect(WitnessFile.open(path)).rejects.toThrow(FormatError);
    },
  );

  it('refuses logs and keys that it does not know', async () => {
    const witness = await witnessOf('unknown');
    const note = await log.note(10);
    const body = (text: string): Promise<WitnessResponse> =>
      witness.addCheckpoint(Buffer.from(`old 0\n\n${text}`));

    expect(await body(note.replaceAll('mesh.example.com', 'other.example.com'))).toMatchObject({
      status: 404,
    });
    const foreign = new SealedLog();
    foreign.fill(3);
    expect(await body(await foreign.note())).toMatchObject({ status: 403 });
    expect(await body(note.replace('\n10\n', '\n11\n'))).toMatchObject({ status: 403 });
    expect(await add(witness, 10, 0)).toMatchObject({ status: 200 });
  });

  it.each([
    ['an old size that is larger', (note: string) => `old 11\n\n${note}`],
    ['an old size with a leading zero', (note: string) => `old 00\n\n${note}`],
    ['no old size', (note: string) => `\n\n${note}`],
    ['no empty line', (note: string) => `old 0\n${note.replace('\n\n', '\n')}`],
    ['a proof that is not base64', (note: string) => `old 0\n!\n\n${note}`],
    ['a hash of another length', (note: string) => `old 0\nAAAA\n\n${note}`],
    [
      'a proof that is too long',
      (note: string) => `old 0\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}\n${note}`,
    ],
    ['text in place of a checkpoint', () => 'old 0\n\ntext\n'],
  ])('refuses %s with 400', async (_, bodyOf) => {
    const witness = await witnessOf('malformed');
    const body = Buffer.from(bodyOf(await log.note(10)));

    expect(await witness.addCheckpoint(body)).toMatchObject({ status: 400 });
  });

  it('refuses a proof with the old size 0 with 422', async () => {
    const witness = await witnessOf('proof');
    const body = `old 0\n${Buffer.alloc(32).toString('base64')}\n\n${await log.note(10)}`;

    expect(await witness.addCheckpoint(Buffer.from(body))).toMatchObject({ status: 422 });
  });
});
