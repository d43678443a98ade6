import { FormatError, parseDecimal } from './encoding.js';
import { COSIGNATURE, ED25519, type NoteVerifier, parseVerifierKey } from './note.js';

/** Trust policies of C2SP tlog-policy: the keys of logs and witnesses, and how many witnesses must have cosigned. */

/** A policy for checkpoints. */
export interface Policy {
  readonly logs: readonly NoteVerifier[];
  readonly witnesses: readonly NoteVerifier[];
  /** Returns whether cosignatures of these witnesses suffice. */
  isMet(cosigners: readonly NoteVerifier[]): boolean;
}

/** The witnesses that have cosigned, as a test of a name. */
type Rule = (cosigned: ReadonlySet<string>) => boolean;

/** Returns the policy that trusts these logs and needs no witness. */
export function logsPolicy(logs: readonly NoteVerifier[]): Policy {
  return { logs, witnesses: [], isMet: () => true };
}

/**
 * Reads a policy.
 *
 * @throws FormatError with the number of the line that is not one of a policy
 */
export function parsePolicy(text: string): Policy {
  const builder = new PolicyBuilder();
  for (const [n, line] of text.split('\n').entries()) {
    try {
      builder.add(line);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(`line ${n + 1} of the policy: ${error.message}`);
    }
  }
  return builder.build();
}

class PolicyBuilder {
  private readonly logs: NoteVerifier[] = [];
  private readonly witnesses: NoteVerifier[] = [];
  private readonly rules = new Map<string, Rule>();
  private readonly grouped = new Set<string>();
  private quorum: Rule | undefined;

  add(line: string): void {
    if (FORBIDDEN.test(line)) throw new FormatError('a control character');
    const [keyword, ...values] = line.split(/[ \t]+/).filter((word) => word !== '');
    if (keyword === undefined || keyword.startsWith('#')) return;
    if (keyword === 'log') this.addLog(values);
    else if (keyword === 'witness') this.addWitness(values);
    else if (keyword === 'group') this.addGroup(values);
    else if (keyword === 'quorum') this.setQuorum(values);
    else throw new FormatError(`${keyword} is not log, witness, group or quorum`);
  }

  build(): Policy {
    const { logs, witnesses, quorum } = this;
    if (!quorum) throw new FormatError('the policy has no quorum line');
    return {
      logs,
      witnesses,
      isMet: (cosigners) => quorum(new Set(cosigners.map(keyOf))),
    };
  }

  private addLog([vkey, , ...rest]: string[]): void {
    if (vkey === undefined || rest.length > 0) throw new FormatError('not "log <vkey> [<url>]"');
    const verifier = parseVerifierKey(vkey);
    if (verifier.type !== ED25519) throw new FormatError('not the key of a log');
    assertNew(this.logs, verifier);
    this.logs.push(verifier);
  }

  private addWitness([name, vkey, , ...rest]: string[]): void {
    if (name === undefined || vkey === undefined || rest.length > 0) {
      throw new FormatError('not "witness <name> <vkey> [<url>]"');
    }
    const verifier = parseVerifierKey(vkey);
    if (verifier.type !== COSIGNATURE) throw new FormatError('not the key of a witness');
    assertNew(this.witnesses, verifier);
    this.witnesses.push(verifier);
    this.define(name, (cosigned) => cosigned.has(keyOf(verifier)));
  }

  private addGroup([name, threshold, ...members]: string[]): void {
    if (name === undefined || threshold === undefined || members.length === 0) {
      throw new FormatError('not "group <name> <all, any or a number> <name>..."');
    }
    const rules = members.map((member) => this.memberRule(member));
    const needed = thresholdOf(threshold, members.length);
    this.define(name, (cosigned) => rules.filter((rule) => rule(cosigned)).length >= needed);
  }

  /** A name is in one group at most, so that no witness counts twice. */
  private memberRule(name: string): Rule {
    if (this.grouped.has(name)) throw new FormatError(`${name} is in a group already`);
    this.grouped.add(name);
    return this.ruleOf(name);
  }

  private setQuorum([name, ...rest]: string[]): void {
    if (name === undefined || rest.length > 0) throw new FormatError('not "quorum <name>"');
    if (this.quorum) throw new FormatError('a second quorum line');
    this.quorum = name === NONE ? () => true : this.ruleOf(name);
  }

  private ruleOf(name: string): Rule {
    const rule = this.rules.get(name);
    if (!rule) throw new FormatError(`${name} is not defined above`);
    return rule;
  }

  private define(name: string, rule: Rule): void {
    if (name === NONE || this.rules.has(name)) throw new FormatError(`${name} is defined already`);
    this.rules.set(name, rule);
  }
}

const NONE = 'none';

// eslint-disable-next-line no-control-regex -- the format forbids them
const FORBIDDEN = /[\u0000-\u0008\u000a-\u001f\u007f]/;

function thresholdOf(text: string, members: number): number {
  if (text === 'all') return members;
  if (text === 'any') return 1;
  const threshold = parseDecimal(text);
  if (threshold < 1 || threshold > members) throw new FormatError('not a threshold of the group');
  return threshold;
}

function assertNew(known: readonly NoteVerifier[], { publicKey }: NoteVerifier): void {
  if (known.some((other) => other.publicKey.equals(publicKey))) {
    throw new FormatError('the same public key twice');
  }
}

function keyOf({ name, keyId }: NoteVerifier): string {
  return `${name}+${keyId}`;
}
