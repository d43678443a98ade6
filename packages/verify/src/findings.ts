import { FormatError } from './encoding.js';

/** Results of a verification. The command prints one line for each, and exits with the code of the worst. */

/** Kinds of findings with their exit codes, the worst first. */
const EXIT_CODES = {
  /** A signature, a proof, a leaf or a row is wrong. */
  INVALID: 1,
  /** Sound in itself, but it contradicts a known head or a witness. */
  DIVERGED: 2,
  /** Sound, but of another payload or approval. */
  MISMATCH: 4,
  /** A file is missing, the end is not signed, or the quorum of witnesses is not met. */
  INCOMPLETE: 3,
} as const;

/** The exit code for a wrong command line, and for files that cannot be read. */
export const USAGE_EXIT_CODE = 64;

export type FindingKind = keyof typeof EXIT_CODES;

/** Something that a verification found wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly message: string;
}

/** The result of a verification. */
export interface Report {
  /** Empty: verified. */
  readonly findings: readonly Finding[];
  /** Lines about what was verified. */
  readonly notes: readonly string[];
}

/** Ends a verification whose further steps need what was found wrong. */
export class FindingError extends Error implements Finding {
  constructor(
    readonly kind: FindingKind,
    message: string,
  ) {
    super(message);
  }
}

/** Returns an error as a finding: what is malformed is invalid. Throws other errors. */
export function toFinding(error: unknown): Finding {
  if (error instanceof FindingError) return { kind: error.kind, message: error.message };
  if (error instanceof FormatError) return { kind: 'INVALID', message: error.message };
  throw error;
}

/** Returns the exit code for findings: 0 without any, else that of the worst. */
export function exitCode(findings: readonly Finding[]): number {
  const kinds = new Set(findings.map(({ kind }) => kind));
  const worst = Object.entries(EXIT_CODES).find(([kind]) => [...kinds].some((own) => own === kind));
  return worst?.[1] ?? 0;
}

/** Returns the line that the command prints for a finding. */
export function findingLine({ kind, message }: Finding): string {
  return `${kind} ${message}`;
}
