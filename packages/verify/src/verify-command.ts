import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { verifyBundle } from './bundle.js';
import type { EntryRange } from './bundle-log.js';
import { decodeBase64, decodeUtf8, FormatError, parseDecimal } from './encoding.js';
import {
  exitCode,
  type Finding,
  findingLine,
  type Report,
  toFinding,
  USAGE_EXIT_CODE,
} from './findings.js';
import { type Head, openHead, splitNotes, verifyHead } from './head.js';
import { isObject, type Json, messageOf, parseJson } from './json.js';
import { type Checkpoint, parseVerifierKey } from './note.js';
import { logsPolicy, parsePolicy, type Policy } from './policy.js';
import { readIfExists } from './read-if-exists.js';
import { isConsistent } from './tree.js';
import { verifyReceipt } from './verify-receipt.js';

/** The command `mesh-verify`. */

const USAGE = `Usage: mesh-verify receipt FILE (--key VKEY... | --policy FILE) [--payload FILE] [--head FILE...]
       mesh-verify bundle DIR (--key VKEY... | --policy FILE) [--head FILE...] [--from ENTRY] [--to ENTRY]
       mesh-verify head FILE (--key VKEY... | --policy FILE)
       mesh-verify consistency OLD NEW [PROOF] (--key VKEY... | --policy FILE)

Verifies offline. FILE can be - for standard input.

  --key VKEY      verifier key of the log, from a source that you trust. VKEY@SIZE trusts it up to this size.
  --policy FILE   C2SP tlog-policy: keys of logs and witnesses, and the quorum
  --payload FILE  JSON of the action that the approval must be for
  --head FILE     heads of the log that you have kept
  --from, --to    entries that the bundle must contain, if it does not contain all
  --json          one JSON object in place of lines

Exit codes: 0 verified, 1 INVALID, 2 DIVERGED from a known head, 3 INCOMPLETE, 4 MISMATCH with the payload, 64 usage.
`;

/** What the command needs from its process. */
export interface CommandOutput {
  out(text: string): void;
  err(text: string): void;
  /** Returns standard input. */
  input(): Promise<Buffer>;
}

/** Runs the command. Returns the exit code. */
export async function runVerify(args: readonly string[], output: CommandOutput): Promise<number> {
  try {
    const options = readOptions(args);
    if (options === undefined) {
      output.out(USAGE);
      return 0;
    }
    const report = await verify(options, output);
    const code = exitCode(report.findings);
    output.out(options.json ? jsonReport(report, code) : textReport(report));
    return code;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    output.err(`mesh-verify: ${messageOf(error)}\n${isUsage ? `\n${USAGE}` : ''}`);
    return USAGE_EXIT_CODE;
  }
}

class UsageError extends Error {}

interface Options {
  command: string;
  files: string[];
  keys: string[];
  policy: string | undefined;
  payload: string | undefined;
  heads: string[];
  range: EntryRange | undefined;
  json: boolean;
}

/** Returns undefined if the usage was requested. */
function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const [command = '', ...files] = positionals;
  const { key: keys, policy, payload, head: heads, json } = values;
  const range = readRange(values.from, values.to);
  const { least, most } = FILE_COUNTS.get(command) ?? { least: 1, most: 0 };
  if (files.length < least || files.length > most)
    throw new UsageError('unknown command or wrong number of files');
  if (keys.length === 0 && policy === undefined)
    throw new UsageError('--key or --policy is required');
  if (payload !== undefined && command !== 'receipt')
    throw new UsageError('--payload is for receipts');
  if (range && command !== 'bundle') throw new UsageError('--from and --to are for bundles');
  return { command, files, keys, policy, payload, heads, range, json };
}

function readRange(from: string | undefined, to: string | undefined): EntryRange | undefined {
  if (from === undefined && to === undefined) return undefined;
  const range = { from: entryOf(from) ?? 0, to: entryOf(to) ?? Infinity };
  if (range.from <= range.to) return range;
  throw new UsageError('--from must not exceed --to');
}

function entryOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError('--from and --to must be whole numbers');
}

const FILE_COUNTS = new Map([
  ['receipt', { least: 1, most: 1 }],
  ['bundle', { least: 1, most: 1 }],
  ['head', { least: 1, most: 1 }],
  ['consistency', { least: 2, most: 3 }],
]);

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        key: { type: 'string', multiple: true, default: [] },
        policy: { type: 'string' },
        payload: { type: 'string' },
        head: { type: 'string', multiple: true, default: [] },
        from: { type: 'string' },
        to: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

interface Trust {
  policy: Policy;
  limits: Map<string, number>;
}

async function verify(options: Options, output: CommandOutput): Promise<Report> {
  const { command, files, payload } = options;
  const [first = '', second = '', third] = files;
  const read = (path: string): Promise<Buffer> => (path === '-' ? output.input() : readFile(path));
  const trust = await readTrust(options, read);
  if (command === 'head') return verifyOneHead(await read(first), trust);
  if (command === 'consistency') {
    return verifyConsistency(
      [await read(first), await read(second)],
      third === undefined ? [] : parseProof(await read(third)),
      trust,
    );
  }
  const heads = await readHeads(options.heads, trust, read);
  if (!Array.isArray(heads)) return heads;
  const known = options.heads.length > 0 && { heads };
  if (command === 'bundle') {
    const { range } = options;
    return verifyBundle((path) => readIfExists(join(first, path)), {
      ...trust,
      ...known,
      ...(range && { range }),
    });
  }
  const expected = payload !== undefined && { payload: parsePayload(await read(payload)) };
  return verifyReceipt(await read(first), { ...trust, ...known, ...expected });
}

async function readTrust(
  { keys, policy }: Options,
  read: (path: string) => Promise<Buffer>,
): Promise<Trust> {
  const limits = new Map<string, number>();
  const logs = keys.map((key) => {
    const [, vkey = key, size] = /^(.*)@(\d+)$/.exec(key) ?? [];
    if (size !== undefined) limits.set(vkey, parseDecimal(size));
    return parseVerifierKey(vkey);
  });
  if (policy === undefined) return { policy: logsPolicy(logs), limits };
  const parsed = parsePolicy(decodeUtf8(await read(policy)));
  const merged = { ...parsed, logs: [...parsed.logs, ...logs] };
  return { policy: merged, limits };
}

/** Returns the heads that the verifier has kept, or a report about one that a known key did not sign. */
async function readHeads(
  paths: readonly string[],
  { policy, limits }: Trust,
  read: (path: string) => Promise<Buffer>,
): Promise<Checkpoint[] | Report> {
  const heads: Checkpoint[] = [];
  for (const path of paths) {
    const notes = splitNotes(decodeUtf8(await read(path)));
    try {
      for (const note of notes) heads.push(openHead(note, policy, limits));
    } catch (error) {
      const { kind, message } = toFinding(error);
      return { findings: [{ kind, message: `${path}: ${message}` }], notes: [] };
    }
  }
  return heads;
}

function verifyOneHead(note: Buffer, { policy, limits }: Trust): Report {
  try {
    const head = verifyHead(note, policy, limits);
    return { findings: witnessFindings(head), notes: [headLine(head)] };
  } catch (error) {
    return { findings: [toFinding(error)], notes: [] };
  }
}

function verifyConsistency(
  notes: readonly Buffer[],
  proof: Buffer[],
  { policy, limits }: Trust,
): Report {
  try {
    const heads = notes.map((note) => verifyHead(note, policy, limits));
    const [older, newer] = heads.sort((a, b) => a.size - b.size);
    if (!older || !newer) throw new FormatError('two heads are needed');
    return {
      findings: [...extensionFindings(older, newer, proof), ...witnessFindings(newer)],
      notes: heads.map(headLine),
    };
  } catch (error) {
    return { findings: [toFinding(error)], notes: [] };
  }
}

function extensionFindings(older: Head, newer: Head, proof: Buffer[]): Finding[] {
  if (older.origin !== newer.origin) {
    return [{ kind: 'MISMATCH', message: `the heads are of ${older.origin} and ${newer.origin}` }];
  }
  const [from, to] = [older.size, newer.size];
  if (from === to && !older.root.equals(newer.root)) {
    return [{ kind: 'DIVERGED', message: `two heads of ${from} with different roots are signed` }];
  }
  if (isConsistent({ from, fromRoot: older.root, to, toRoot: newer.root, proof })) return [];
  return [
    {
      kind: 'INVALID',
      message: `the proof does not show that the head of ${to} extends that of ${from}`,
    },
  ];
}

function witnessFindings({ isWitnessed }: Head): Finding[] {
  return isWitnessed ? [] : [{ kind: 'INCOMPLETE', message: 'the quorum of witnesses is not met' }];
}

function headLine({ origin, size, root, time, witnesses }: Head): string {
  const signed = time === undefined ? '' : `, signed at ${new Date(time * 1000).toISOString()}`;
  return `log ${origin}, head of ${size} entries, root ${root.toString('base64')}${signed}, witnesses: ${witnesses.length}`;
}

/** Reads the answer of `GET /audit/log/consistency`, or a file with a hash in base64 on each line. */
function parseProof(file: Buffer): Buffer[] {
  const text = decodeUtf8(file);
  const value = text.startsWith('{') ? parseJson(text) : undefined;
  if (!isObject(value))
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map(decodeBase64);
  const { proof } = value;
  if (!Array.isArray(proof)) throw new FormatError('the file of the proof has no member proof');
  return proof.map((hash) => decodeBase64(typeof hash === 'string' ? hash : ''));
}

function parsePayload(file: Buffer): Json {
  return parseJson(decodeUtf8(file));
}

function textReport({ findings, notes }: Report): string {
  const lines =
    findings.length === 0
      ? ['VERIFIED', ...notes.map((note) => `  ${note}`)]
      : findings.map(findingLine);
  return `${lines.join('\n')}\n`;
}

function jsonReport(report: Report, exit_code: number): string {
  return `${JSON.stringify({ verified: exit_code === 0, exit_code, ...report })}\n`;
}
