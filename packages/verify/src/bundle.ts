import { BundleLog, type EntryRange, type FileReader } from './bundle-log.js';
import { decodeUtf8 } from './encoding.js';
import { type Finding, type Report, toFinding } from './findings.js';
import { type Head, type KeyLimits, splitNotes } from './head.js';
import { KeyChain } from './key-chain.js';
import { compareHeads } from './known-heads.js';
import { type Checkpoint, parseCheckpoint, parseNote } from './note.js';
import type { Policy } from './policy.js';

/**
 * Bundles: a whole log in the files of C2SP tlog-tiles. `checkpoint` is the head; `heads`, which is optional, has earlier
 * heads one after the other; `tile/<level>/<index>` and `tile/entries/<index>` are tiles and entries;
 * `disclosures/<index>.ndjson`, which is optional, has a line `{"index", "open"}` for each entry with disclosures.
 */

/** What a bundle is verified against. */
export interface BundleExpectations {
  readonly policy: Policy;
  readonly limits?: KeyLimits;
  /** Heads of the log that the verifier has kept. */
  readonly heads?: readonly Checkpoint[];
  /** The entries that the bundle must contain. Undefined: all. It has the tiles of all entries in any case. */
  readonly range?: EntryRange;
}

/** Verifies a bundle: entries, tiles, root, signatures, and known heads. */
export async function verifyBundle(
  read: FileReader,
  { policy, limits = new Map(), heads = [], range }: BundleExpectations,
): Promise<Report> {
  const file = await read('checkpoint');
  if (!file) return failed({ kind: 'INCOMPLETE', message: 'checkpoint is missing' });
  try {
    const note = decodeUtf8(file);
    const claimed = checkpointOf(note);
    const own = [...(await readHeads(read)), note];
    const sizes = [...own.map(checkpointOf), ...heads].map(({ size }) => size);
    const log = new BundleLog(read, claimed.size, new Set(sizes), range);
    await log.run();
    const signed = verifyHeads(own, KeyChain.of(own, policy, limits, log.keyEvents));
    const known = [...signed.heads.filter(({ size }) => size < claimed.size), ...heads];
    return {
      findings: [
        ...log.findings,
        ...rangeFindings(claimed, range),
        ...rootFindings(log, claimed),
        ...signed.findings,
        ...compareHeads(ofOrigin(known, claimed), claimed.size, (size) => log.rootAt(size)),
      ],
      notes: [
        `log ${claimed.origin}: ${claimed.size} entries, ${log.disclosures} disclosures`,
        ...(range ? [`entries ${range.from} to ${lastOf(claimed, range)}`] : []),
        ...log.notes,
      ],
    };
  } catch (error) {
    return failed(toFinding(error));
  }
}

function failed(finding: Finding): Report {
  return { findings: [finding], notes: [] };
}

async function readHeads(read: FileReader): Promise<string[]> {
  const file = await read('heads');
  return file ? splitNotes(decodeUtf8(file)) : [];
}

function checkpointOf(note: string): Checkpoint {
  return parseCheckpoint(parseNote(note).text);
}

/** Earlier heads that only unknown keys have signed prove nothing: the verifier may have pinned a newer key. */
function verifyHeads(
  notes: readonly string[],
  keys: KeyChain,
): { heads: Head[]; findings: Finding[] } {
  const heads: Head[] = [];
  const findings: Finding[] = [];
  for (const [n, note] of notes.entries()) {
    try {
      const head = keys.verify(note);
      const isLast = n === notes.length - 1;
      if (head.keys.length > 0) heads.push(head);
      else if (isLast)
        findings.push({
          kind: 'INVALID',
          message: `no trusted key has signed the head of ${head.size}`,
        });
      if (isLast && !head.isWitnessed) {
        findings.push({ kind: 'INCOMPLETE', message: 'the quorum of witnesses is not met' });
      }
    } catch (error) {
      findings.push(toFinding(error));
    }
  }
  return { heads, findings };
}

/** A tile that does not hash to its parent explains that the root differs. */
function rootFindings(log: BundleLog, { size, root }: Checkpoint): Finding[] {
  const computed = log.rootAt(size);
  const isExplained = log.findings.some(({ kind }) => kind === 'INVALID');
  if (!computed) {
    return [{ kind: 'INCOMPLETE', message: `the root of ${size} entries cannot be computed` }];
  }
  if (computed.equals(root) || isExplained) return [];
  return [{ kind: 'INVALID', message: `tiles do not add up to the head of ${size}` }];
}

function lastOf({ size }: Checkpoint, { to }: EntryRange): number {
  return to === Infinity ? size - 1 : to;
}

function rangeFindings({ size }: Checkpoint, range: EntryRange | undefined): Finding[] {
  if (!range || (range.from < size && (range.to < size || range.to === Infinity))) return [];
  return [{ kind: 'INCOMPLETE', message: `the log has only ${size} entries` }];
}

function ofOrigin(heads: readonly Checkpoint[], { origin }: Checkpoint): Checkpoint[] {
  return heads.filter((head) => head.origin === origin);
}
