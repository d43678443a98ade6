import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  cosignatureVerifier,
  parseNote,
  parseVerifierKey,
  verifyNote,
} from '../../packages/verify/src/note.js';
import { buildReceipt, receiptText } from '../../packages/verify/src/receipt.js';
import {
  appendChain,
  FIRST_STAGE,
  PAYLOAD,
  SealedLog,
  SECOND_STAGE,
  SIGNED_AT,
} from '../../packages/verify/src/testing/sealed-log.js';
import { consistencyProof } from '../../packages/verify/src/tree.js';
import { addCheckpointBody } from '../../packages/verify/src/witness.js';

const run = promisify(execFile);
const log = new SealedLog();
let folder: string;

/** A folder with the packed package, and nothing of this repository. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-verify-'));
  appendChain(log);
  log.fill(10);
  const receipt = await buildReceipt(
    {
      approvalId: SECOND_STAGE,
      events: log.sealed([FIRST_STAGE, SECOND_STAGE]),
      head: { ...log.head(), note: await log.note() },
      disclose: 'actors',
      issuedAt: SIGNED_AT,
    },
    log.signer,
  );
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: 'packages/verify' });
  // The dependency from this machine, because the test does not ask a registry.
  await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: 'node_modules/canonicalize',
  });
  const dependencies = { canonicalize: 'file:canonicalize-4.0.0.tgz' };
  const files = {
    'package.json': JSON.stringify({ private: true, dependencies }),
    'receipt.json': receiptText(receipt),
    'payload.json': JSON.stringify(PAYLOAD),
    'log.vkey': `${log.signer.vkey}\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
});

afterAll(() => rm(folder, { recursive: true }));

const environment = {
  ...process.env,
  npm_config_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
};

/** Runs commands in the folder. */
async function shell(commands: string): Promise<{ code: number; out: string }> {
  const child = spawn('sh', ['-e', '-c', commands], { cwd: folder, env: environment });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await once(child, 'close');
  return { code: child.exitCode ?? -1, out };
}

describe('The packed verifier', () => {
  it('verifies a receipt in an empty folder, with the commands of its documentation', async () => {
    const page = await readFile('docs/trust.md', 'utf8');
    const [, commands = ''] = /<!-- five-commands -->\n\n```sh\n([^`]*)```/.exec(page) ?? [];
    const { code, out } = await shell(commands);

    expect(commands.trim().split('\n')).toHaveLength(5);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('VERIFIED\n') });
    expect(out.match(/^VERIFIED$/gm)).toHaveLength(2);
    expect(out).toContain('"verified":true,"exit_code":0');
  });

  it('exits with the code of its finding', async () => {
    await writeFile(join(folder, 'other.json'), '{"amount":1}');
    const key = `--key '${log.signer.vkey}'`;

    expect(await shell(`npx mesh-verify receipt receipt.json ${key} --payload other.json`)).toEqual(
      {
        code: 4,
        out: 'MISMATCH the payload is not the approved one\n',
      },
    );
    expect(
      await shell(`sed s/approved/rejected/ receipt.json | npx mesh-verify receipt - ${key}`),
    ).toEqual({
      code: 1,
      out: expect.stringMatching(/^INVALID /),
    });
    expect((await shell('npx mesh-verify receipt')).code).toBe(64);
  });

  it('has a witness that cosigns an honest log and refuses its fork, also after kill -9', async () => {
    const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
    await writeFile(join(folder, 'witness.pem'), key);
    const fork = new SealedLog(log.signer);
    fork.rows.push(...log.rows.map((row, n) => (n === 2 ? { ...row, role: 'forged' } : row)));
    const first = await startWitness();
    const add = async (
      url: string,
      of: SealedLog,
      old: number,
      size: number,
    ): Promise<Response> => {
      const proof = consistencyProof(old, size, of.read);
      const body = addCheckpointBody({ old, proof, note: await of.note(size) });
      return fetch(`${url}/add-checkpoint`, { method: 'POST', body });
    };

    expect((await add(first.url, log, 0, 8)).status).toBe(200);
    await first.kill();
    const second = await startWitness();
    expect((await add(second.url, fork, 8, 16)).status).toBe(422);
    expect((await add(second.url, log, 0, 4)).status).toBe(409);
    const cosigned = await add(second.url, log, 8, 16);
    const note = parseNote((await log.note()) + (await cosigned.text()));
    expect(verifyNote(note, [parseVerifierKey(second.vkey)])).toHaveLength(1);
    expect(second.vkey).toBe(cosignatureVerifier(parseVerifierKey(second.vkey)).vkey);
    expect((await fetch(second.url)).status).toBe(404);
    expect((await fetch(`${second.url}/add-checkpoint`)).status).toBe(405);
    const large = { method: 'POST', body: 'x'.repeat(65 * 1024) };
    expect((await fetch(`${second.url}/add-checkpoint`, large)).status).toBe(413);
    await second.kill();
  });
});

interface WitnessProcess {
  url: string;
  vkey: string;
  kill(): Promise<void>;
}

async function startWitness(): Promise<WitnessProcess> {
  const program = join(folder, 'node_modules/@agent-mesh/verify/dist/mesh-witness.js');
  const options = ['--name', 'witness.example.org/w1', '--key', 'witness.pem', '--port', '0'];
  const state = ['--state', 'witness.json', '--log', log.signer.vkey];
  const child = spawn(process.execPath, [program, ...options, ...state], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const [vkey, listening] = [await lines.next(), await lines.next()];
  return {
    vkey: String(vkey.value),
    url: String(listening.value).replace('listening on ', ''),
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
