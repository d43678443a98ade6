import { describe, expect, it } from '@jest/globals';
import { compactVerify, importJWK } from 'jose';
import { exitCode } from './findings.js';
import { isObject, type Json, type JsonObject, parseJson, show } from './json.js';
import { signJws, thumbprint, toJwk } from './jws.js';
import { type EventRow, leafText, parseLeaf } from './leaf.js';
import { cosignatureVerifier, cosignText, parseVerifierKey } from './note.js';
import { logsPolicy, parsePolicy, type Policy } from './policy.js';
import { buildReceipt, type Disclosure, type Receipt, receiptText } from './receipt.js';
import {
  appendChain,
  appendConsumption,
  DIGEST,
  FIRST_STAGE,
  newSigner,
  PAYLOAD,
  SealedLog,
  SECOND_STAGE,
  SIGNED_AT,
} from './testing/sealed-log.js';
import { type ReceiptReport, verifyReceipt } from './verify-receipt.js';

const log = new SealedLog();
log.fill(40);
appendChain(log);
log.fill(20);
const policy = logsPolicy([parseVerifierKey(log.signer.vkey)]);

async function receiptOf(
  approvalId = SECOND_STAGE,
  { of = log, disclose = 'actors' }: { of?: SealedLog; disclose?: Disclosure } = {},
): Promise<Receipt> {
  return buildReceipt(
    {
      approvalId,
      events: of.sealed([FIRST_STAGE, SECOND_STAGE]),
      head: { ...of.head(), note: await of.note() },
      disclose,
      issuedAt: SIGNED_AT,
    },
    of.signer,
  );
}

function verify(
  receipt: Receipt | string | Buffer,
  expectations: { policy?: Policy; payload?: Json } = {},
): ReceiptReport {
  const text =
    typeof receipt === 'string' || Buffer.isBuffer(receipt) ? receipt : receiptText(receipt);
  return verifyReceipt(Buffer.from(text), { policy, ...expectations });
}

const messages = ({ findings }: ReceiptReport): string[] =>
  findings.map(({ kind, message }) => `${kind} ${message}`);

describe('A receipt', () => {
  it('verifies with the key of the log only, and states the approval', async () => {
    const report = verify(await receiptOf());

    expect(report.findings).toEqual([]);
    expect(report.statement).toMatchObject({
      iss: 'mesh.example.com/audit/log',
      iat: SIGNED_AT,
      sub: `approval-${SECOND_STAGE}`,
      approval: {
        approval_id: SECOND_STAGE,
        chain_id: FIRST_STAGE,
        stage: 2,
        stages: ['manager', 'counsel'],
        digest: { alg: 'sha-256', form: 'rfc8785', value: DIGEST },
        requested_by: 'idp#finance-agent',
        requested_role: 'finance',
        requested_at: '2026-01-31T12:01:00.001Z',
        approver_role: 'legal',
        approver_kind: 'human',
        delegated_from: 'counsel',
        quorum: 1,
        four_eyes: true,
        decision: 'approved',
        decided_at: '2026-01-31T12:02:00.000Z',
        votes: [
          {
            subject: 'idp#dora',
            role: 'legal',
            kind: 'human',
            decision: 'approved',
            at: '2026-01-31T12:00:45.123Z',
          },
        ],
        consume_until: '2026-02-01T12:02:00.000Z',
        consumed: null,
        earlier: [
          {
            approval_id: FIRST_STAGE,
            stage: 1,
            votes: [{ subject: 'idp#ann' }, { subject: 'idp#bob' }],
          },
        ],
      },
    });
    expect(report.notes.join('\n')).toContain('approved for legal');
  });

  it('of an earlier stage states that stage', async () => {
    const report = verify(await receiptOf(FIRST_STAGE));

    expect(report.findings).toEqual([]);
    expect(report.statement?.approval).toMatchObject({ stage: 1, quorum: 2, consume_until: null });
    expect(report.statement?.approval).not.toHaveProperty('earlier');
  });

  it('made later shows the consumption', async () => {
    const later = new SealedLog();
    appendChain(later);
    appendConsumption(later);
    const own = logsPolicy([parseVerifierKey(later.signer.vkey)]);
    const report = verify(await receiptOf(SECOND_STAGE, { of: later }), { policy: own });

    expect(report.findings).toEqual([]);
    expect(report.statement?.approval).toMatchObject({
      consumed: { by: 'idp#finance-agent', at: '2026-01-31T13:00:00.000Z' },
    });
  });

  it('has a statement that jose verifies', async () => {
    const { statement } = await receiptOf();
    const { publicKey } = parseVerifierKey(log.signer.vkey);
    const { payload, protectedHeader } = await compactVerify(
      statement,
      await importJWK(toJwk(publicKey), 'EdDSA'),
    );

    expect(protectedHeader).toEqual({
      alg: 'EdDSA',
      kid: thumbprint(publicKey),
      typ: 'approval-receipt+jws',
    });
    expect(parseJson(Buffer.from(payload).toString())).toEqual(verify(await receiptOf()).statement);
  });

  it('for another payload is sound but does not match', async () => {
    const receipt = await receiptOf();
    const right = verify(receipt, { payload: { vendor: 'ACME', amount: 50_000 } });
    const other = verify(receipt, { payload: { ...PAYLOAD, amount: 50_001 } });

    expect([exitCode(right.findings), exitCode(other.findings)]).toEqual([0, 4]);
  });

  it('is refused with any bit flipped', async () => {
    const bytes = Buffer.from(receiptText(await smallReceipt()));
    expect(exitCode(verify(bytes).findings)).toBe(0);
    const accepted: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      const byte = Math.floor(bit / 8);
      flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (bit % 8));
      if (exitCode(verify(flipped).findings) !== 1) accepted.push(bit);
    }

    expect(accepted).toEqual([]);
  });

  it('is refused with any byte removed, doubled or added at its end', async () => {
    const bytes = Buffer.from(receiptText(await receiptOf()));
    const accepted: string[] = [];
    for (let n = 0; n <= bytes.length; n += 41) {
      const removed = Buffer.concat([bytes.subarray(0, n), bytes.subarray(n + 1)]);
      const doubled = Buffer.concat([bytes.subarray(0, n + 1), bytes.subarray(n)]);
      if (n < bytes.length && exitCode(verify(removed).findings) !== 1) accepted.push(`-${n}`);
      if (n < bytes.length && exitCode(verify(doubled).findings) !== 1) accepted.push(`+${n}`);
    }

    expect(accepted).toEqual([]);
    expect(exitCode(verify(`${receiptText(await receiptOf())}x`).findings)).toBe(1);
  });
});

describe('The disclosures of a receipt', () => {
  const opened = (receipt: Receipt): string[] =>
    receipt.evidence
      .flatMap(({ open }) => open)
      .map((disclosure) => parseJson(Buffer.from(disclosure, 'base64url').toString()))
      .map((value) => (Array.isArray(value) ? show(value[1]) : ''));

  it('are actors and digests, everything, or digests only', async () => {
    const names = async (disclose: Disclosure): Promise<string[]> => [
      ...new Set(opened(await receiptOf(SECOND_STAGE, { disclose }))),
    ];

    expect(await names('actors')).toEqual(['actor', 'digest']);
    expect(await names('all')).toEqual(['actor', 'digest', 'details']);
    expect(await names('none')).toEqual(['digest']);
  });

  it('can leave out subjects, which then have pseudonyms that tell them apart', async () => {
    const receipt = await receiptOf(SECOND_STAGE, { disclose: 'none' });
    const report = verify(receipt, { payload: PAYLOAD });

    expect(report.findings).toEqual([]);
    expect(receiptText(receipt)).not.toContain('idp#');
    expect(report.notes.join()).toContain('no subject is disclosed');
    expect(report.statement?.approval).toMatchObject({
      requested_by: 'undisclosed-1',
      votes: [{ subject: 'undisclosed-4' }],
      earlier: [{ votes: [{ subject: 'undisclosed-2' }, { subject: 'undisclosed-3' }] }],
    });
  });

  it('may not be removed afterwards', async () => {
    const receipt = await receiptOf();
    const evidence = receipt.evidence.map((entry) => ({ ...entry, open: entry.open.slice(1) }));

    expect(exitCode(verify({ ...receipt, evidence }).findings)).toBe(1);
  });

  it('of erased events are missing, and the receipt is incomplete', async () => {
    const erasing = new SealedLog(log.signer);
    appendChain(erasing);
    const before = erasing.rows.map(leafText);
    for (const [n, row] of erasing.rows.entries()) erasing.rows[n] = erase(row);

    expect(erasing.rows.map(leafText)).toEqual(before);
    const first = verify(await receiptOf(FIRST_STAGE, { of: erasing }), { payload: PAYLOAD });
    expect(messages(first)).toEqual([
      'INCOMPLETE a subject was erased, so the receipt does not show that the approvers are distinct',
      'INCOMPLETE the digest of the approved payload was erased',
    ]);
  });
});

describe('A receipt is refused', () => {
  const changed = async (change: (receipt: JsonObject) => JsonObject): Promise<string[]> => {
    const receipt = parseJson(receiptText(await receiptOf()));
    return messages(verify(JSON.stringify(change(isObject(receipt) ? receipt : {}))));
  };

  it.each([
    ['with another member', (receipt: JsonObject) => ({ ...receipt, note: 'x' })],
    ['of another format', (receipt: JsonObject) => ({ ...receipt, format: 'x' })],
    ['without evidence', (receipt: JsonObject) => ({ ...receipt, evidence: [] })],
    [
      'with evidence twice',
      (receipt: JsonObject) => ({ ...receipt, evidence: twice(receipt.evidence) }),
    ],
    [
      'with evidence in another order',
      (receipt: JsonObject) => ({ ...receipt, evidence: reversed(receipt.evidence) }),
    ],
    [
      'with the last event left out',
      (receipt: JsonObject) => ({ ...receipt, evidence: cut(receipt.evidence) }),
    ],
    ['with text as its evidence', (receipt: JsonObject) => ({ ...receipt, evidence: 'x' })],
    ['with null as an entry', (receipt: JsonObject) => ({ ...receipt, evidence: [null] })],
  ])('%s', async (_, change) => {
    expect(await changed(change)).toEqual([expect.stringMatching(/^INVALID /)]);
  });

  it('if it is larger than 1 MiB or is not JSON', () => {
    expect(messages(verify(' '.repeat(1024 * 1024 + 1)))).toEqual([
      'INVALID the receipt is larger than 1 MiB',
    ]);
    expect(messages(verify('no receipt'))).toEqual(['INVALID not JSON']);
    expect(messages(verify(Buffer.from([0xff])))).toEqual(['INVALID not valid UTF-8']);
  });

  it('if another log has signed it, also under the same name', async () => {
    const forged = new SealedLog();
    appendChain(forged);

    expect(messages(verify(await receiptOf(SECOND_STAGE, { of: forged })))).toEqual([
      `INVALID head of 6: no trusted key of mesh.example.com/audit/log has signed it`,
    ]);
  });

  it('if the statement says what the log does not', async () => {
    const receipt = await receiptOf();
    const statement = verify(receipt).statement ?? {};
    const state = async (
      change: JsonObject,
      header = 'approval-receipt+jws',
    ): Promise<string[]> => {
      const payload = { ...statement, ...change };
      return messages(
        verify({ ...receipt, statement: await signJws(payload, header, log.signer) }),
      );
    };
    const approval = isObject(statement.approval) ? statement.approval : {};

    expect(await state({})).toEqual([]);
    expect(await state({ approval: { ...approval, quorum: 2 } })).toEqual([
      'INVALID the statement says what the log does not: approval/quorum',
    ]);
    expect(await state({ approval: { ...approval, votes: [] } })).toEqual([
      'INVALID the statement says what the log does not: approval/votes',
    ]);
    expect(await state({ approval: { ...approval, note: 'x' } })).toEqual([
      'INVALID the statement says what the log does not: approval',
    ]);
    expect(await state({ sub: `approval-${FIRST_STAGE}` })).toEqual([
      'INVALID the subject of the statement differs',
    ]);
    expect(await state({ iss: 'other' })).toEqual(['INVALID the statement is about another head']);
    expect(await state({ exp: 1 })).toEqual(['INVALID not the members of a statement']);
    expect(await state({}, 'JWT')).toEqual([
      'INVALID the header of the statement is not that of approval-receipt+jws',
    ]);
  });

  it('if too few distinct subjects approved, or the requester did', async () => {
    const decide = async (quorum: number, voters: string[]): Promise<string[]> => {
      const bad = new SealedLog(log.signer);
      const ids = { approval_id: FIRST_STAGE };
      const request = { chain_id: FIRST_STAGE, stage: 1, stages: ['cfo'], quorum, four_eyes: true };
      bad.append('approval_requested', 'asker', request, ids);
      for (const [n, voter] of voters.entries()) {
        const type = n === voters.length - 1 ? 'approval_decided' : 'approval_voted';
        bad.append(type, voter, { decision: 'approved' }, ids);
      }
      return messages(verify(await receiptOf(FIRST_STAGE, { of: bad })));
    };

    expect(await decide(2, ['ann', 'bob'])).toEqual([]);
    expect(await decide(2, ['ann', 'ann'])).toEqual([
      'INVALID the quorum of 2 is not reached by distinct subjects',
    ]);
    expect(await decide(2, ['ann'])).toEqual([
      'INVALID the quorum of 2 is not reached by distinct subjects',
    ]);
    expect(await decide(1, ['asker'])).toEqual([
      'INVALID the subject that requested the approval approved it',
    ]);
  });
});

describe('The head of a receipt', () => {
  it('must have the witnesses of the policy', async () => {
    const witness = newSigner('witness.example.org/w1');
    const cosigner = cosignatureVerifier(parseVerifierKey(witness.vkey));
    const trust = parsePolicy(`log ${log.signer.vkey}\nwitness W ${cosigner.vkey}\nquorum W\n`);
    const receipt = await receiptOf();
    const [text = ''] = receipt.checkpoint.split('\n\n');
    const cosignature = await cosignText(`${text}\n`, SIGNED_AT, witness);

    expect(messages(verify(receipt, { policy: trust }))).toEqual([
      'INCOMPLETE the quorum of witnesses is not met',
    ]);
    const cosigned = { ...receipt, checkpoint: receipt.checkpoint + cosignature };
    expect(messages(verify(cosigned, { policy: trust }))).toEqual([]);
    expect(messages(verify(cosigned))).toEqual([]);
    const forged = {
      ...receipt,
      checkpoint: receipt.checkpoint + (await cosignText('x\n', 1, witness)),
    };
    expect(messages(verify(forged, { policy: trust }))[0]).toMatch(
      /^INVALID the signature of witness/,
    );
  });

  it('is compared with heads of the same size that were kept', async () => {
    const receipt = Buffer.from(receiptText(await receiptOf()));
    const heads = { agreeing: log.head(), other: { ...log.head(), root: Buffer.alloc(32) } };
    const code = (...kept: (keyof typeof heads)[]): number =>
      exitCode(verifyReceipt(receipt, { policy, heads: kept.map((name) => heads[name]) }).findings);

    expect([code('agreeing'), code('agreeing', 'other'), code()]).toEqual([0, 2, 3]);
  });

  it('is refused beyond the size up to which a revoked key is trusted', async () => {
    const receipt = Buffer.from(receiptText(await receiptOf()));
    const limited = (size: number): ReceiptReport =>
      verifyReceipt(receipt, { policy, limits: new Map([[log.signer.vkey, size]]) });

    expect(messages(limited(log.size))).toEqual([]);
    expect(messages(limited(log.size - 1))).toHaveLength(1);
  });
});

/** Returns a receipt of an approval with one vote, in a log of five entries. */
async function smallReceipt(): Promise<Receipt> {
  const small = new SealedLog(log.signer);
  const ids = { approval_id: FIRST_STAGE };
  const facts = { chain_id: FIRST_STAGE, stage: 1, stages: ['cfo'], quorum: 1, digest: DIGEST };
  small.fill(1);
  small.append('approval_requested', 'idp#asker', { ...facts, four_eyes: true }, ids);
  small.fill(1);
  small.append('approval_decided', 'idp#ann', { decision: 'approved', digest: DIGEST }, ids);
  small.fill(1);
  return receiptOf(FIRST_STAGE, { of: small });
}

/** Returns an event after an erasure. */
function erase(row: EventRow): EventRow {
  const { sd, facts } = parseLeaf(leafText(row));
  return { ...row, actor: 'erased', salt: null, erased: sd, metadata: JSON.stringify(facts) };
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function twice(value: Json | undefined): Json[] {
  return [...listOf(value), ...listOf(value)];
}

function reversed(value: Json | undefined): Json[] {
  return listOf(value).reverse();
}

function cut(value: Json | undefined): Json[] {
  return listOf(value).slice(0, -1);
}
