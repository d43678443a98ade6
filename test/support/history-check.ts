import { StoredIndex, thingIn } from './stored-index.js';
import {
  isSettled,
  isSuccess,
  type Kind,
  KINDS,
  type Operation,
  type TryAnswer,
  violation,
  type Violation,
} from './history.js';
import type { Stored } from './stored-rows.js';
import { checkApproval, checkAttempts, checkOrder, checkSession } from './history-invariants.js';

/** Compares what clients were told with what is stored, once nothing is in flight any more. */
export function check(operations: readonly Operation[], stored: Stored): Violation[] {
  const found = new StoredIndex(stored);
  return [
    ...operations.flatMap((operation) => checkAnswers(operation)),
    ...operations.flatMap((operation) => checkEffects(operation, found)),
    ...checkStrangers(operations, found),
    ...stored.tasks.flatMap(({ id }) => checkAttempts(id, found)),
    ...stored.sessions.flatMap((session) => checkSession(session, found)),
    ...stored.approvals.flatMap((approval) => checkApproval(approval, found)),
    ...checkOrder(operations, found),
  ];
}

/** What the clients alone can tell. */
function checkAnswers({ kind, key, tries, abandoned }: Operation): Violation[] {
  const answers = tries.flatMap(({ answer }) => answer ?? []);
  const settled = answers.filter(isSettled);
  const successes = settled.filter(isSuccess);
  const refusals = settled.filter((answer) => !isSuccess(answer));
  const originals = successes.filter(({ replayed }) => !replayed);
  const broken = (rule: string, bad: readonly TryAnswer[]): Violation[] =>
    bad.length === 0 ? [] : [violation(rule, `${kind} ${key}`, bad.map(tell).join(', '))];
  return [
    ...broken(
      'no 5xx but 503',
      answers.filter(({ status }) => status >= 500 && status !== 503),
    ),
    ...broken(
      'Retry-After',
      answers.filter((answer) => !isSettled(answer) && !answer.retryAfter),
    ),
    ...broken(
      'refused without cause',
      refusals.filter(({ code }) => !isFair(kind, code)),
    ),
    ...broken(
      'equal answers',
      new Set(successes.map(({ text }) => lastingOf(kind, text))).size > 1 ? successes : [],
    ),
    ...broken('one original answer', originals.length > 1 ? originals : []),
    ...broken(
      'status',
      successes.filter(({ status, replayed }) => status !== (replayed ? 200 : KINDS[kind].status)),
    ),
    ...broken('refused and acknowledged', successes.length > 0 ? refusals : []),
    ...(settled.length === 0 && !abandoned
      ? [violation('settled in the end', `${kind} ${key}`, `${tries.length} tries`)]
      : []),
  ];
}

/** Whether an operation left behind what its answers say. */
function checkEffects(operation: Operation, found: StoredIndex): Violation[] {
  const { kind, key } = operation;
  const things = found.thingsOf(operation);
  const events = found.eventsOf(operation);
  const records = found.records.get(key) ?? [];
  const settled = operation.tries.flatMap(({ answer }) =>
    answer && isSettled(answer) ? answer : [],
  );
  const successes = settled.filter(isSuccess);
  const success = successes.find(({ replayed }) => !replayed) ?? successes[0];
  const violations: Violation[] = [];
  const demand = (rule: string, kept: boolean): void => {
    if (kept) return;
    const counts = `${things.length} stored, ${events.length} events, ${records.length} records`;
    const told = settled.map(tell).join(', ');
    violations.push(violation(rule, `${kind} ${key}`, `${counts}; told: ${told || 'nothing'}`));
  };
  demand('stored at most once', things.length <= 1);
  demand('one event per effect', events.length === things.length);
  const asAsked = success !== undefined && found.isAsAsked(operation, success);
  demand('one record per effect', records.length === (asAsked ? 1 : things.length));
  if (success) {
    demand('acknowledged is stored', things.length >= 1 || asAsked);
    demand(
      'what is stored is what was told',
      things.length === 0 || things.some((thing) => isThing(thing, kind, success)),
    );
    demand(
      'the record is what was told',
      records.every(({ body }) => lastingOf(kind, body) === lastingOf(kind, success.text)),
    );
  } else if (settled.length > 0) {
    demand('refused is not stored', things.length === 0);
  }
  return violations;
}

/** Whether anything happened that nobody asked for. The sweeps may end what is due. */
function checkStrangers(operations: readonly Operation[], { events }: StoredIndex): Violation[] {
  const traces = new Set(operations.map(({ trace }) => trace));
  return [...events.values()]
    .flat()
    .filter(({ trace, by_system }) => !by_system && !traces.has(trace))
    .map(({ type, trace }) => violation('nothing unasked', type, `trace ${trace}`));
}

function isFair(kind: Kind, code = ''): boolean {
  const fair: readonly string[] = KINDS[kind].refusals;
  return fair.includes(code);
}

function tell({ status, code, replayed, text }: TryAnswer): string {
  return `${status} ${code ?? (replayed ? 'replay' : '')} ${text.slice(0, 120)}`;
}

/** A replayed claim shows the session as it is now: its id lasts, its version does not. */
function isThing(thing: string, kind: Operation['kind'], success: TryAnswer): boolean {
  const told = thingIn(kind, success);
  if (kind !== 'claim' || !success.replayed) return thing === told;
  return thing.split('.')[0] === told.split('.')[0];
}

/** What must be equal of all responses to a request: of those that age, the things that they are about. */
function lastingOf(kind: Operation['kind'], text: string): string {
  if (!AGEING.has(kind)) return text;
  const { id, task, session } = JSON.parse(text) as Record<string, { id?: string } | undefined>;
  return JSON.stringify([id, task?.id, session?.id]);
}

const AGEING: ReadonlySet<string> = new Set(['claim', 'cancel', 'retry', 'decision', 'decide']);
