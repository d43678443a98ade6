import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cosignatureVerifier, parseVerifierKey, signCheckpoint } from './note.js';
import { buildReceipt, receiptText } from './receipt.js';
import {
  appendChain,
  FIRST_STAGE,
  newSigner,
  PAYLOAD,
  SealedLog,
  SECOND_STAGE,
  SIGNED_AT,
} from './testing/sealed-log.js';
import { consistencyProof } from './tree.js';
import { runVerify } from './verify-command.js';

const log = new SealedLog();
const { vkey } = log.signer;
const witness = cosignatureVerifier(parseVerifierKey(newSigner('witness.example.org/w1').vkey));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-verify-'));
  appendChain(log);
  log.fill(10);
  const note = await log.note();
  const receipt = await buildReceipt(
    {
      approvalId: SECOND_STAGE,
      events: log.sealed([FIRST_STAGE, SECOND_STAGE]),
      head: { ...log.head(), note },
      disclose: 'actors',
      issuedAt: SIGNED_AT,
    },
    log.signer,
  );
  const root = Buffer.alloc(32, 1);
  const proof = consistencyProof(8, 16, log.read).map((hash) => hash.toString('base64'));
  const files = {
    'receipt.json': receiptText(receipt),
    'forged.json': receiptText(receipt).replace('"index":0', '"index":1'),
    'payload.json': JSON.stringify(PAYLOAD, null, 2),
    'other.json': '{"amount":1}',
    'old.note': await log.note(8),
    'new.note': note,
    'fork.note': await signCheckpoint({ ...log.head(), root }, SIGNED_AT, log.signer),
    'heads.txt': `${await log.note(8)}\n${note}`,
    'proof.json': JSON.stringify({ from: 8, to: 16, proof, checkpoint: note }),
    'proof.txt': `${proof.join('\n')}\n`,
    'trust.policy': `log ${vkey}\nquorum none\n`,
    'witnessed.policy': `log ${vkey}\nwitness W ${witness.vkey}\nquorum W\n`,
  };
  for (const [name, text] of [...Object.entries(files), ...(await log.bundle())]) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs the command. Words that name a file of the folder become its path. */
async function run(command: string): Promise<{ code: number; out: string; err: string }> {
  const result = { code: 0, out: '', err: '' };
  const args = command
    .split(' ')
    .map((word) => word.replace(/^@(.*)$/, (_, name: string) => join(folder, name)));
  result.code = await runVerify(args, {
    out: (text) => (result.out += text),
    err: (text) => (result.err += text),
    input: () => Promise.resolve(Buffer.from(JSON.stringify(PAYLOAD))),
  });
  return result;
}

describe('mesh-verify', () => {
  it.each([
    [`receipt @receipt.json --key ${vkey}`, 0, /^VERIFIED\n {2}approval .* approved for legal/],
    [`receipt @receipt.json --key ${vkey} --payload @payload.json`, 0, /^VERIFIED\n/],
    [`receipt @receipt.json --key ${vkey} --payload -`, 0, /^VERIFIED\n/],
    [`receipt @receipt.json --policy @trust.policy`, 0, /^VERIFIED\n/],
    [`receipt @receipt.json --key ${vkey} --head @heads.txt`, 0, /^VERIFIED\n/],
    [`receipt @receipt.json --key ${vkey}@16`, 0, /^VERIFIED\n/],
    [`receipt @forged.json --key ${vkey}`, 1, /^INVALID entry 1: the inclusion proof/],
    [`receipt @receipt.json --key ${vkey}@15`, 1, /^INVALID head of 16: no trusted key/],
    [
      `receipt @receipt.json --key ${vkey} --head @fork.note`,
      2,
      /^DIVERGED another head of the size 16/,
    ],
    [`receipt @receipt.json --policy @witnessed.policy`, 3, /^INCOMPLETE the quorum of witnesses/],
    [
      `receipt @receipt.json --key ${vkey} --head @old.note`,
      3,
      /^INCOMPLETE no known head has the size 16/,
    ],
    [`receipt @receipt.json --key ${vkey} --payload @other.json`, 4, /^MISMATCH the payload/],
    [`bundle @. --key ${vkey}`, 0, /^VERIFIED\n {2}log mesh.example.com\/audit\/log: 16 entries/],
    [`bundle @. --key ${vkey} --head @heads.txt`, 0, /^VERIFIED\n/],
    [
      `bundle @. --key ${vkey} --head @fork.note`,
      2,
      /^DIVERGED published head of 16 is not of this log/,
    ],
    [`bundle @. --key ${vkey} --from 3 --to 9`, 0, /^VERIFIED\n[^]*\n {2}entries 3 to 9\n$/],
    [`bundle @. --key ${vkey} --from 3`, 0, /\n {2}entries 3 to 15\n$/],
    [`bundle @. --key ${vkey} --to 16`, 3, /^INCOMPLETE the log has only 16 entries\n$/],
    [`bundle @missing --key ${vkey}`, 3, /^INCOMPLETE checkpoint is missing/],
    [
      `head @new.note --key ${vkey}`,
      0,
      /^VERIFIED\n {2}log .*, head of 16 entries.*signed at 2026-01-31T12:01:40/,
    ],
    [`head @new.note --policy @witnessed.policy`, 3, /^INCOMPLETE/],
    [`head @receipt.json --key ${vkey}`, 1, /^INVALID the note has no signatures/],
    [`consistency @old.note @new.note @proof.json --key ${vkey}`, 0, /^VERIFIED\n/],
    [`consistency @new.note @old.note @proof.txt --key ${vkey}`, 0, /^VERIFIED\n/],
    [`consistency @new.note @new.note --key ${vkey}`, 0, /^VERIFIED\n/],
    [`consistency @old.note @new.note --key ${vkey}`, 1, /^INVALID the proof does not show/],
    [
      `consistency @old.note @fork.note @proof.json --key ${vkey}`,
      1,
      /^INVALID the proof does not show/,
    ],
    [
      `consistency @new.note @fork.note --key ${vkey}`,
      2,
      /^DIVERGED two heads of 16 with different roots/,
    ],
  ])('%s exits with %i', async (command, code, out) => {
    expect(await run(command)).toEqual({ code, out: expect.stringMatching(out), err: '' });
  });

  it.each([
    ['', 'wrong number of files'],
    ['receipt', 'wrong number of files'],
    [`receipt a b --key ${vkey}`, 'wrong number of files'],
    ['check @receipt.json', 'unknown command'],
    ['receipt @receipt.json', '--key or --policy is required'],
    [`bundle @. --key ${vkey} --payload @payload.json`, '--payload is for receipts'],
    [`bundle @. --key ${vkey} --from 9 --to 8`, '--from must not exceed --to'],
    [`bundle @. --key ${vkey} --from x`, '--from and --to must be whole numbers'],
    [`receipt @receipt.json --key ${vkey} --from 1`, '--from and --to are for bundles'],
    [`receipt @receipt.json --key ${vkey} --verbose`, '--verbose'],
    ['receipt @receipt.json --key x+1+y', 'not a verifier key'],
    [`receipt @missing.json --key ${vkey}`, 'ENOENT'],
    [`receipt @receipt.json --key ${vkey} --payload @trust.policy`, 'not JSON'],
    ['receipt @receipt.json --policy @payload.json', 'line 1 of the policy'],
    [`receipt @receipt.json --key ${vkey} --head @payload.json`, 'not a file of heads'],
  ])('refuses "%s" with 64', async (command, message) => {
    expect(await run(command)).toEqual({
      code: 64,
      out: '',
      err: expect.stringContaining(message),
    });
  });

  it('prints one JSON object', async () => {
    const { out } = await run(`receipt @receipt.json --key ${vkey} --payload @other.json --json`);

    expect(JSON.parse(out)).toMatchObject({
      verified: false,
      exit_code: 4,
      findings: [{ kind: 'MISMATCH', message: 'the payload is not the approved one' }],
      statement: { sub: `approval-${SECOND_STAGE}` },
    });
  });

  it('prints its usage', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringMatching(/^Usage: /) });
  });
});
