import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  cosignatureVerifier,
  cosignText,
  parseNote,
  parseVerifierKey,
} from '../../../packages/verify/src/note.js';
import { newSigner, SealedLog } from '../../../packages/verify/src/testing/sealed-log.js';
import { SIZE_TYPE } from '../../../packages/verify/src/witness.js';
import { AnchorServer } from '../../support/anchors.js';
import { parseWitness } from '../../../src/config/audit-witness.js';
import { OldSizeError, submitHead } from '../../../src/audit-log/witness-client.js';

const log = new SealedLog();
log.fill(5);
const signer = newSigner('witness.example.org/w1');
const stranger = newSigner('witness.example.org/w1');
const { vkey } = cosignatureVerifier(parseVerifierKey(signer.vkey));
let server: AnchorServer;
let note: string;

const submit = (stopping = new AbortController().signal): Promise<string> => {
  const witness = parseWitness(`http://${server.address}/mesh/|${vkey}`);
  return submitHead(witness, { old: 0, proof: [], note }, stopping);
};

const respond = (status: number, body: string, type = 'text/plain'): void => {
  server.respond = () => ({ status, body, type });
};

describe('A request to a witness', () => {
  beforeAll(async () => {
    server = await AnchorServer.start();
    note = await log.note();
  });
  afterAll(() => server.close());

  it('returns the cosignature of the configured key, and ignores those of others', async () => {
    const { text } = parseNote(note);
    const own = await cosignText(text, 5, signer);
    respond(200, (await cosignText(text, 5, stranger)) + own);
    expect(await submit()).toBe(own);
    expect(server.received.at(-1)?.body.toString()).toBe(`old 0\n\n${note}`);
  });

  it.each([
    ['nothing', () => ''],
    ['text', () => 'cosigned\n'],
    ['a page', () => '<html>\n</html>\n'],
    ['a cosignature of another key', (text: string) => cosignText(text, 5, stranger)],
    ['a cosignature of another head', (text: string) => cosignText(`${text}x\n`, 5, signer)],
    [
      'a cosignature with another time',
      async (text: string) => {
        const [, name = '', encoded = ''] = (await cosignText(text, 5, signer)).split(' ');
        const bytes = Buffer.from(encoded, 'base64');
        bytes.writeUInt8(1, 11);
        return `— ${name} ${bytes.toString('base64')}\n`;
      },
    ],
    [
      'a cosignature without its newline',
      async (text: string) => (await cosignText(text, 5, signer)).trimEnd(),
    ],
    ['too much', () => 'x'.repeat(65 * 1024)],
  ])('refuses %s', async (_, answerOf) => {
    respond(200, await answerOf(parseNote(note).text));
    await expect(submit()).rejects.toThrow(/^The answer /);
  });

  it.each([
    [403, 'it does not know the key'],
    [404, 'it does not know the origin'],
    [409, 'another head of the same size'],
    [422, 'does not extend'],
    [500, 'It responded with 500'],
    [204, 'It responded with 204'],
  ])('explains the status %d', async (status, message) => {
    respond(status, '');
    await expect(submit()).rejects.toThrow(message);
  });

  it('reads the size of the head that the witness has', async () => {
    respond(409, '4\n', SIZE_TYPE);
    await expect(submit()).rejects.toEqual(new OldSizeError(4));
    await expect(submit()).rejects.toMatchObject({ size: 4 });
    for (const body of ['', 'four\n', '04\n', '-1\n', '99999999999999999999\n']) {
      respond(409, body, SIZE_TYPE);
      await expect(submit()).rejects.toThrow('no size');
    }
  });

  it('follows no redirect, and ends with the process', async () => {
    server.respond = () => ({ status: 302 });
    await expect(submit()).rejects.toThrow();
    server.respond = () => undefined;
    const stopping = new AbortController();
    const request = submit(stopping.signal);
    stopping.abort();
    await expect(request).rejects.toThrow('abort');
  });
});

describe('AUDIT_WITNESSES', () => {
  it('names the witness and the address of its requests', () => {
    expect(parseWitness(`https://w.example.org/|${vkey}`)).toMatchObject({
      name: 'witness.example.org/w1',
      url: 'https://w.example.org/add-checkpoint',
    });
    expect(parseWitness(`http://127.0.0.1:8089|${vkey}`).url).toBe(
      'http://127.0.0.1:8089/add-checkpoint',
    );
  });

  it.each([
    'https://w.example.org',
    `|${vkey}`,
    `w.example.org|${vkey}`,
    `http://w.example.org|${vkey}`,
    `ftp://w.example.org|${vkey}`,
    `https://user:password@w.example.org|${vkey}`,
    `https://w.example.org?key=1|${vkey}`,
    `https://w.example.org|${signer.vkey}`,
    `https://w.example.org|${vkey}x`,
    `https://w.example.org| ${vkey}`,
  ])('does not accept %s', (text) => {
    expect(() => parseWitness(text)).toThrow(/^AUDIT_WITNESSES must hold /);
  });
});
