import {
  COSIGNATURE,
  type NoteVerifier,
  parseVerifierKey,
} from '../../packages/verify/src/note.js';
import { isLoopback } from '../common/loopback.js';
import type { Environment } from './environment.js';

/** Another party that cosigns the heads of the sealed log (C2SP tlog-witness). */
export interface AuditWitness {
  /** The name in its cosignatures, in logs and metrics. */
  readonly name: string;
  /** The address of its `add-checkpoint`. */
  readonly url: string;
  readonly verifier: NoteVerifier;
}

/** The witnesses whose cosignatures a head needs before it is served. */
export interface WitnessQuorum {
  /** The verifier keys of the witnesses. */
  readonly witnesses: readonly string[];
  /** Number of them that must have cosigned. 0: a head is served as soon as it is signed. */
  readonly count: number;
}

/**
 * Parses one value of AUDIT_WITNESSES: the URL of a witness, `|`, and its verifier key. Plain http is for this machine only.
 *
 * @throws Error that names the variable
 */
export function parseWitness(text: string): AuditWitness {
  const [, address = '', vkey = ''] = /^([^|]*)\|(.*)$/s.exec(text) ?? [];
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const verifier = witnessKey(vkey);
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (!url || !isSafe || url.username !== '' || url.search !== '' || url.hash !== '' || !verifier) {
    throw new Error(
      'AUDIT_WITNESSES must hold a URL, a vertical bar and a verifier key of the type cosignature/v1 for each witness',
    );
  }
  const prefix = url.href.replace(/\/+$/, '');
  return { name: verifier.name, url: `${prefix}/add-checkpoint`, verifier };
}

/** Returns the cosignatures that a head needs before it is served. */
export function quorumOf({
  AUDIT_WITNESSES,
  AUDIT_WITNESS_QUORUM,
}: Pick<Environment, 'AUDIT_WITNESSES' | 'AUDIT_WITNESS_QUORUM'>): WitnessQuorum {
  const witnesses = AUDIT_WITNESSES.map((text) => parseWitness(text).verifier.vkey);
  return { witnesses, count: AUDIT_WITNESS_QUORUM };
}

function witnessKey(vkey: string): NoteVerifier | undefined {
  try {
    const verifier = parseVerifierKey(vkey);
    return verifier.type === COSIGNATURE ? verifier : undefined;
  } catch {
    // The message of the caller names the variable.
    return undefined;
  }
}
