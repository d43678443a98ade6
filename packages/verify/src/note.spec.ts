import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { FormatError } from './encoding.js';
import {
  checkpointText,
  COSIGNATURE,
  cosignatureVerifier,
  cosignText,
  ED25519,
  keySigner,
  noteVerifier,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  rawPublicKey,
  signCheckpoint,
  signText,
  verifyNote,
} from './note.js';

/** The example of the Go package golang.org/x/mod/sumdb/note. */
const GO_VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const GO_NOTE = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

/** The verifier key of the Go checksum database. */
const SUMDB_VKEY = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';

const { privateKey } = generateKeyPairSync('ed25519');
const signer = keySigner('log.example.com/audit', privateKey);
const verifier = parseVerifierKey(signer.vkey);
const head = { origin: verifier.name, size: 70_000, root: Buffer.alloc(32, 7) };

describe('A verifier key', () => {
  it.each([GO_VKEY, SUMDB_VKEY])('is read and written as %s', (vkey) => {
    const { name, publicKey, type } = parseVerifierKey(vkey);

    expect(type).toBe(ED25519);
    expect(noteVerifier(name, publicKey).vkey).toBe(vkey);
  });

  it('of cosignatures has another id for the same key', () => {
    const cosigner = cosignatureVerifier(verifier);

    expect(cosigner).toMatchObject({ type: COSIGNATURE, publicKey: rawPublicKey(privateKey) });
    expect(cosigner.keyId).not.toBe(verifier.keyId);
    expect(parseVerifierKey(cosigner.vkey)).toMatchObject({ type: COSIGNATURE });
  });

  it.each([
    ['without a name', GO_VKEY.replace('PeterNeumann', '')],
    ['with a space in its name', GO_VKEY.replace('Peter', 'Peter ')],
    ['of another name', GO_VKEY.replace('Peter', 'Petra')],
    ['with another id', GO_VKEY.replace('c74f20a3', 'c74f20a4')],
    ['with an id in upper case', GO_VKEY.replace('c74f20a3', 'C74F20A3')],
    ['with another base64 of the same bytes', GO_VKEY.replace(/W$/, 'X')],
    ['that is cut', GO_VKEY.slice(0, -4)],
    ['of another type', GO_VKEY.replace('+AR', '+Ax')],
    ['that is empty', ''],
  ])('%s is refused', (_, vkey) => {
    expect(() => parseVerifierKey(vkey)).toThrow(FormatError);
  });

  it('is not made of a key of another algorithm', () => {
    const { publicKey } = generateKeyPairSync('ed448');

    expect(() => rawPublicKey(publicKey)).toThrow(FormatError);
  });
});

describe('A signed note', () => {
  it('of the Go package verifies', () => {
    const note = parseNote(GO_NOTE);

    expect(note.text.endsWith('problem is.\n')).toBe(true);
    expect(verifyNote(note, [parseVerifierKey(GO_VKEY)])).toHaveLength(1);
  });

  it('is signed by each key of the head, and says when', async () => {
    const note = parseNote(await signCheckpoint(head, 1_769_860_805, signer));
    const verified = verifyNote(note, [verifier, cosignatureVerifier(verifier)]);

    expect(verified.map(({ time }) => time)).toEqual([undefined, 1_769_860_805]);
    expect(parseCheckpoint(note.text)).toEqual(head);
  });

  it('ignores signatures of unknown keys, also of a known name', async () => {
    const { privateKey: other } = generateKeyPairSync('ed25519');
    const text = checkpointText(head);
    const foreign = await signText(text, keySigner(verifier.name, other));
    const own = await signText(text, signer);

    expect(verifyNote(parseNote(`${text}\n${foreign}${own}`), [verifier])).toHaveLength(1);
    expect(verifyNote(parseNote(`${text}\n${foreign}`), [verifier])).toEqual([]);
  });

  it('is refused if a signature of a known key does not verify', async () => {
    const text = checkpointText(head);
    const other = await signText(`${text}extension\n`, signer);
    const cosigned = await cosignText(text, 1, signer);
    const moved = await cosignText(text, 2, signer);
    const keyAndTime = 12;
    const line = (from: string, to: string): string => {
      const bytes = (of: string): Buffer => Buffer.from(of.split(' ')[2] ?? '', 'base64');
      const mixed = Buffer.concat([
        bytes(from).subarray(0, keyAndTime),
        bytes(to).subarray(keyAndTime),
      ]);
      return `— ${verifier.name} ${mixed.toString('base64')}\n`;
    };

    expect(() => verifyNote(parseNote(`${text}\n${other}`), [verifier])).toThrow(FormatError);
    const timed = parseNote(`${text}\n${line(cosigned, moved)}`);
    expect(() => verifyNote(timed, [cosignatureVerifier(verifier)])).toThrow(FormatError);
    const short = parseNote(
      `${text}\n— ${verifier.name} ${Buffer.from(`${verifier.keyId}00`, 'hex').toString('base64')}\n`,
    );
    expect(() => verifyNote(short, [verifier])).toThrow(FormatError);
  });

  it.each([
    ['without the last newline', GO_NOTE.slice(0, -1)],
    ['without the blank line', GO_NOTE.replace('\n\n', '\n')],
    ['without signatures', `${GO_NOTE.split('\n\n')[0] ?? ''}\n\n`],
    ['with another dash', GO_NOTE.replace('—', '-')],
    ['with base64 that is not canonical', GO_NOTE.replace('nAM=', 'nAN=')],
    ['with base64 without padding', GO_NOTE.replace('nAM=', 'nAM')],
    ['with a carriage return', GO_NOTE.replaceAll('\n', '\r\n')],
    ['with a control character', GO_NOTE.replace('If', 'I\u0001')],
    ['with text below its signatures', `${GO_NOTE}text\n`],
    ['with too many signatures', GO_NOTE + (GO_NOTE.split('\n\n')[1] ?? '').repeat(100)],
    ['with a name that has a plus', GO_NOTE.replace('— Peter', '— Peter+')],
    ['with a signature of four bytes', GO_NOTE.replace(/x08go.*/, 'x08gow==')],
  ])('%s is refused', (_, note) => {
    expect(() => parseNote(note)).toThrow(FormatError);
  });

  it('that is not UTF-8 is refused', () => {
    expect(() => parseNote(Buffer.from(GO_NOTE, 'latin1'))).toThrow(FormatError);
    const marked = Buffer.concat([Buffer.from('efbbbf', 'hex'), Buffer.from(GO_NOTE)]);
    expect(() => verifyNote(parseNote(marked), [parseVerifierKey(GO_VKEY)])).toThrow(FormatError);
  });
});

describe('A checkpoint', () => {
  const text = checkpointText(head);

  it('may have extension lines', () => {
    expect(parseCheckpoint(`${text}extension\n`)).toEqual(head);
  });

  it.each([
    ['with a leading zero', text.replace('70000', '070000')],
    ['with a sign', text.replace('70000', '+70000')],
    ['with an exponent', text.replace('70000', '7e4')],
    ['with a size beyond 2^53', text.replace('70000', '9007199254740993')],
    ['with a short root', text.replace('BwcH', '')],
    ['without a root', text.split('\n').slice(0, 2).join('\n') + '\n'],
    ['with an empty line', text.replace('\n', '\n\n')],
    ['without the last newline', text.trimEnd()],
    ['without an origin', text.replace(head.origin, '')],
  ])('%s is refused', (_, changed) => {
    expect(() => parseCheckpoint(changed)).toThrow(FormatError);
  });
});
