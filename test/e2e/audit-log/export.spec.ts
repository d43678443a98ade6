import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runVerify } from '../../../packages/verify/src/verify-command.js';
import { erase } from '../../../src/erasure/erasure.js';
import { erasureOf } from '../../../src/erasure/erasure-selection.js';
import { ORIGIN } from '../../support/audit-log.js';
import { runOperatorCommand } from '../../support/operator-commands.js';
import { deleted, EDIT, event, useSealedCopies } from '../../support/sealed-database.js';

describe('npm run audit:export', () => {
  const copies = useSealedCopies();
  const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-export-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const run = (...args: string[]) =>
    runOperatorCommand(
      'audit-export',
      { DATABASE_URL: copies.url, AUDIT_SIGNING_KEY: copies.key },
      ...args,
    );

  /** The files of an export. */
  const filesOf = (out: string): string[] =>
    readdirSync(out, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(join(out, name)).isFile())
      .sort();

  /** Verifies a folder as a third party does: without the database. */
  async function meshVerify(out: string, ...args: string[]) {
    let text = '';
    const code = await runVerify(['bundle', out, '--key', copies.vkey, ...args], {
      out: (written) => (text += written),
      err: (written) => (text += written),
      input: () => Promise.reject(new Error('No input')),
    });
    return { code, text };
  }

  it('writes a log that verifies without the database, with the heads that were kept', async () => {
    await copies.copy();
    const out = join(folder, 'whole');
    const heads = join(folder, 'published');
    writeFileSync(heads, copies.original.published.join('\n'));

    expect(await run('--out', out)).toMatchObject({
      code: 0,
      stdout: `log ${ORIGIN}: entries 0 to 1124, head of 1125 entries\nverified\nmesh-verify bundle ${out} --key '${copies.vkey}'\n`,
      stderr: '',
    });

    await copies.drop();
    expect(filesOf(out)).toEqual([
      'checkpoint',
      'heads',
      ...['0/000', '0/001', '0/002', '0/003', '0/004.p/101', '1/000.p/4'].map(
        (tile) => `tile/${tile}`,
      ),
      ...['000', '001', '002', '003', '004.p/101'].map((bundle) => `tile/entries/${bundle}`),
    ]);
    expect(statSync(out).mode & 0o777).toBe(0o700);
    expect(await meshVerify(out, '--head', heads)).toMatchObject({
      code: 0,
      text: `VERIFIED\n  log ${ORIGIN}: 1125 entries, 0 disclosures\n`,
    });
    const path = join(out, 'tile/entries/002');
    const bytes = readFileSync(path);
    bytes[1_000] = (bytes[1_000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect((await meshVerify(out)).code).toBe(1);
  });

  it('writes a range with what its entries commit to, and with what an erasure left', async () => {
    await copies.copy();
    await copies.using(async (_, dataSource) => {
      const [row] = await dataSource.query<{ id: string }[]>(`SELECT ${event(705)} AS id`);
      await erase(dataSource, erasureOf(['--events', row?.id ?? '', '--reason', 'Request']));
    });
    const out = join(folder, 'range');

    const { code, stdout } = await run('--out', out, '--from', '700', '--to', '709', '--disclose');

    expect(code).toBe(0);
    expect(stdout).toContain(`mesh-verify bundle ${out} --from 700 --to 709 --key`);
    expect(filesOf(out).filter((name) => /entries|disclosures/.test(name))).toEqual([
      'disclosures/002.ndjson',
      'tile/entries/002',
    ]);
    const disclosed = readFileSync(join(out, 'disclosures/002.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { index: number }).index);
    expect(disclosed).toEqual([700, 701, 702, 703, 704, 706, 707, 708, 709]);
    expect(await meshVerify(out, '--from', '700', '--to', '709')).toEqual({
      code: 0,
      text: `VERIFIED\n  log ${ORIGIN}: 1125 entries, 18 disclosures\n  entries 700 to 709\n`,
    });
    expect((await meshVerify(out)).text).toContain(
      'INCOMPLETE tile/entries/000 is missing: entries 0 to 255',
    );
    expect((await meshVerify(out, '--from', '512', '--to', '767')).code).toBe(0);
    expect((await meshVerify(out, '--from', '700', '--to', '768')).code).toBe(3);
    expect(await meshVerify(out, '--from', '1200')).toMatchObject({
      code: 3,
      text: 'INCOMPLETE the log has only 1125 entries\n',
    });
  });

  it('shows that events were changed or deleted', async () => {
    await copies.copy(EDIT, deleted(900));
    const { code, stdout } = await run('--out', join(folder, 'changed'));

    expect(code).toBe(1);
    expect(stdout.split('\n').slice(1)).toEqual([
      'INVALID entry 900 is missing',
      'INVALID entry 700 does not hash to its tile',
      'INCOMPLETE tile/entries/003 is missing: entries 768 to 1023',
      '',
    ]);
  });

  it('refuses a folder that is not empty, and entries that no head covers', async () => {
    await copies.copy();
    const refusals: [string, string[]][] = [
      ['is not empty', ['--out', folder]],
      ['covers 1125 entries', ['--out', join(folder, 'b'), '--to', '1125']],
    ];
    const results = await Promise.all(refusals.map(([, args]) => run(...args)));

    for (const [n, { code, stdout, stderr }] of results.entries()) {
      expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
      expect(stderr).toContain(refusals[n]?.[0]);
      expect(stderr).toContain('usage: npm run audit:export');
    }
  });
});
