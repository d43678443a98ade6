import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { buildReceipt, receiptText } from '../../../packages/verify/src/receipt.js';
import {
  appendChain,
  FIRST_STAGE,
  PAYLOAD,
  SealedLog,
  SECOND_STAGE,
  SIGNED_AT,
} from '../../../packages/verify/src/testing/sealed-log.js';
import { Cli } from '../../support/cli.js';

describe('mesh verify', () => {
  const log = new SealedLog();
  const cli = new Cli(() => ({}));
  const path = (name: string) => join(cli.folder, name);

  beforeAll(async () => {
    appendChain(log);
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
    const text = receiptText(receipt);
    writeFileSync(path('receipt.json'), text);
    writeFileSync(path('forged.json'), text.replace(/("statement":"[^.]+\.)./, '$1A'));
    writeFileSync(path('payload.json'), JSON.stringify(PAYLOAD));
    writeFileSync(path('other.json'), '{"amount":60000}');
  });

  it.each([
    [0, 'receipt', 'receipt.json', ['--payload', 'payload.json']],
    [4, 'receipt', 'receipt.json', ['--payload', 'other.json']],
    [1, 'receipt', 'forged.json', []],
    [64, 'receipt', 'missing.json', []],
    [64, 'nonsense', 'receipt.json', []],
  ])('ends with the exit code of mesh-verify: %d', async (code, command, file, more) => {
    const files = [path(file), ...more.map((one) => (one.startsWith('--') ? one : path(one)))];
    const result = await cli.run(['verify', command, ...files, '--key', log.signer.vkey]);
    expect(result.code).toBe(code);
  });

  it('prints JSON, and the help of mesh-verify', async () => {
    const args = ['verify', 'receipt', path('receipt.json'), '--key', log.signer.vkey, '--json'];
    const { output } = await cli.run(args);
    expect(JSON.parse(output)).toBeInstanceOf(Object);
    expect((await cli.run('verify')).output).toContain('Usage: mesh-verify receipt FILE');
    expect((await cli.run('verify --help')).output).toContain('Usage: mesh-verify receipt FILE');
  });
});
