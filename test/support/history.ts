import { randomUUID } from 'node:crypto';
import { canTransition, type SessionStatus } from '../../src/lifecycle/session-status.js';
import type { Stored, StoredEvent, StoredSession } from './stored.js';

export type Kind = 'task' | 'session' | 'transition' | 'ask' | 'decision';

/** One thing that a client wants to happen once, however often it has to send it. */
export interface Operation {
  readonly kind: Kind;
  /** The request's `Idempotency-Key`. */
  readonly key: string;
  /** The request's trace, by which its effects are found. */
  readonly trace: string;
  readonly tries: Try[];
  /** Whether a client stopped asking without having learned the outcome. */
  abandoned: boolean;
}

/** One request and what came back; times in milliseconds of one clock. */
export interface Try {
  readonly start: number;
  readonly end: number;
  /** Undefined: the connection broke, or nothing came in time. The request may have been carried out. */
  readonly answer?: TryAnswer;
}

export interface TryAnswer {
  readonly status: number;
  /** Of the problem, when it is one. */
  readonly code?: string;
  readonly retryAfter: boolean;
  readonly replayed: boolean;
  readonly text: string;
}

/** A promise that was not kept: which, by what operation or thing, and how. */
export interface Violation {
  readonly rule: string;
  readonly about: string;
  readonly detail: string;
}

/** Everything that clients asked for, and what they were told. */
export class History {
  readonly operations: Operation[] = [];

  begin(kind: Kind, key: string): Operation {
    const operation: Operation = { kind, key, trace: randomUUID(), tries: [], abandoned: false };
    this.operations.push(operation);
    return operation;
  }
}

/** Whether the answer tells the client what became of the request. */
export function isSettled({ status, code }: TryAnswer): boolean {
  return status < 500 && code !== 'idempotency.in_progress';
}

const isSuccess = ({ status }: TryAnswer): boolean => status >= 200 && status <= 299;

/** What each kind answers when it is carried out, and the events that tell of it. */
const KINDS: Record<Kind, { status: number; events: readonly string[] }> = {
  task: { status: 202, events: ['task_routed'] },
  session: { status: 201, events: ['session_created'] },
  transition: { status: 200, events: ['session_transitioned', 'session_updated'] },
  ask: { status: 202, events: ['approval_requested'] },
  decision: { status: 200, events: ['approval_decided'] },
};

/** Refusals that a client must expect whose competitor was faster; none of their causes ever goes away again. */
const FAIR_REFUSALS: Partial<Record<Kind, readonly string[]>> = {
  transition: ['session.claimed', 'session.ended', 'lifecycle.invalid_transition'],
  ask: ['task.finished'],
  decision: ['approval.decided', 'task.finished'],
};

/** Compares what clients were told with what is stored, once nothing is in flight any more. */
export function check(operations: readonly Operation[], stored: Stored): Violation[] {
  const found = new Findings(stored);
  return [
    ...operations.flatMap((operation) => checkAnswers(operation)),
    ...operations.flatMap((operation) => checkEffects(operation, found)),
    ...checkStrangers(operations, found),
    ...stored.tasks
      .filter(({ attempts }) => attempts !== 1)
      .map(({ id, attempts }) => violation('one attempt per task', id, `${attempts} attempts`)),
    ...stored.sessions.flatMap((session) => checkSession(session, found)),
    ...stored.approvals.flatMap(({ id, status }) => {
      const decisions = found.decisions.get(id)?.length ?? 0;
      return decisions === (status === 'approved' || status === 'rejected' ? 1 : 0)
        ? []
        : [violation('one decision per approval', id, `${status} after ${decisions} decisions`)];
    }),
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
      refusals.filter(({ code }) => !FAIR_REFUSALS[kind]?.includes(code ?? '')),
    ),
    ...broken(
      'equal answers',
      new Set(successes.map(({ text }) => text)).size > 1 ? successes : [],
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
function checkEffects(operation: Operation, found: Findings): Violation[] {
  const { kind, key } = operation;
  const things = found.thingsOf(operation);
  const events = found.eventsOf(operation);
  const records = found.records.get(key) ?? [];
  const settled = operation.tries.flatMap(({ answer }) =>
    answer && isSettled(answer) ? answer : [],
  );
  const success = settled.find(isSuccess);
  const violations: Violation[] = [];
  const demand = (rule: string, kept: boolean): void => {
    if (kept) return;
    const counts = `${things.length} stored, ${events.length} events, ${records.length} records`;
    const told = settled.map(tell).join(', ');
    violations.push(violation(rule, `${kind} ${key}`, `${counts}; told: ${told || 'nothing'}`));
  };
  demand('stored at most once', things.length <= 1);
  demand('one event per effect', events.length === things.length);
  demand('one record per effect', records.length === things.length);
  if (success) {
    demand('acknowledged is stored', things.length >= 1);
    demand(
      'what is stored is what was told',
      things.length === 0 || things.includes(thingIn(kind, success)),
    );
    demand(
      'the record is what was told',
      records.every(({ body }) => body === success.text),
    );
  } else if (settled.length > 0) {
    demand('refused is not stored', things.length === 0);
  }
  return violations;
}

/** Whether anything happened that nobody asked for. */
function checkStrangers(operations: readonly Operation[], { events }: Findings): Violation[] {
  const traces = new Set(operations.map(({ trace }) => trace));
  return [...events.values()]
    .flat()
    .filter(({ trace }) => !traces.has(trace))
    .map(({ type, trace }) => violation('nothing unasked', type, `trace ${trace}`));
}

/** Whether the events of a session lead, step by legal step, to what it is. */
function checkSession({ id, status, version }: StoredSession, found: Findings): Violation[] {
  const events = [...(found.steps.get(id) ?? [])].sort((a, b) => a.version - b.version);
  const violations: Violation[] = [];
  const versions = events.map((event) => event.version);
  if (versions.length !== version || versions.some((each, index) => each !== index + 1)) {
    violations.push(
      violation('versions without gaps', id, `${versions.join(' ')} for version ${version}`),
    );
  }
  let reached: SessionStatus = 'pending';
  for (const { from, to } of events) {
    if (!to) continue;
    if (from !== reached || !canTransition(from, to)) {
      violations.push(violation('legal steps', id, `${reached}, then ${from ?? '?'} -> ${to}`));
    }
    reached = to;
  }
  if (reached !== status) violations.push(violation('legal steps', id, `${reached}, is ${status}`));
  return violations;
}

/** Whether changes of a session took effect in real time: one begun after another was acknowledged comes after it. */
function checkOrder(operations: readonly Operation[], found: Findings): Violation[] {
  const changes = operations
    .filter(({ kind }) => kind === 'transition')
    .flatMap((operation) =>
      found.eventsOf(operation).flatMap(({ session_id, version }) => {
        const { tries } = operation;
        const start = Math.min(...tries.map((each) => each.start));
        const acknowledged = tries.filter(({ answer }) => answer && isSuccess(answer));
        const end = Math.min(...acknowledged.map((each) => each.end));
        return session_id ? [{ session_id, version, start, end, key: operation.key }] : [];
      }),
    )
    .sort((a, b) => a.version - b.version);
  const latestStart = new Map<string, number>();
  return changes.flatMap(({ session_id, start, end, key }) => {
    const before = latestStart.get(session_id) ?? 0;
    latestStart.set(session_id, Math.max(before, start));
    return end < before ? [violation('real-time order', `transition ${key}`, session_id)] : [];
  });
}

/** What is stored, by what it is looked up with. */
class Findings {
  readonly events: Map<string, StoredEvent[]>;
  readonly records: Map<string, Stored['records']>;
  /** The events that made a version of a session. */
  readonly steps: Map<string, StoredEvent[]>;
  readonly decisions: Map<string, StoredEvent[]>;
  private readonly things: Record<Exclude<Kind, 'transition'>, Map<string, { id: string }[]>>;

  constructor({ tasks, sessions, approvals, events, records }: Stored) {
    this.events = groupBy(events, ({ trace }) => trace);
    this.records = groupBy(records, ({ key }) => key);
    this.steps = groupBy(
      events.filter(({ version }) => version > 0),
      ({ session_id }) => session_id ?? '',
    );
    this.decisions = groupBy(
      events.filter(({ type }) => type === 'approval_decided'),
      ({ approval_id }) => approval_id ?? '',
    );
    this.things = {
      task: groupBy(tasks, ({ key }) => key),
      session: groupBy(
        sessions.filter(({ attempt }) => attempt === null),
        ({ trace }) => trace,
      ),
      ask: groupBy(approvals, ({ asked_with }) => asked_with),
      decision: groupBy(approvals, ({ decided_with }) => decided_with),
    };
  }

  eventsOf({ kind, trace }: Operation): StoredEvent[] {
    return (this.events.get(trace) ?? []).filter(({ type }) => KINDS[kind].events.includes(type));
  }

  /** The ids of what the operation made or settled; of a transition, the versions that it made. */
  thingsOf(operation: Operation): string[] {
    const { kind, key, trace } = operation;
    if (kind === 'transition') {
      return this.eventsOf(operation).map(
        ({ session_id, version }) => `${session_id ?? ''}.${version}`,
      );
    }
    const things = this.things[kind].get(kind === 'session' ? trace : key) ?? [];
    return things.map(({ id }) => id);
  }
}

/** What the answer says was made, as {@link Findings.thingsOf} writes it. */
function thingIn(kind: Kind, { text }: TryAnswer): string {
  const body = JSON.parse(text) as Partial<Record<string, string | number>>;
  switch (kind) {
    case 'task':
      return String(body.task_id).replace('task-', '');
    case 'ask':
      return String(body.approval_id).replace('approval-', '');
    case 'transition':
      return `${body.id ?? ''}.${body.version ?? ''}`;
    case 'session':
    case 'decision':
      return String(body.id);
  }
}

function tell({ status, code, replayed, text }: TryAnswer): string {
  return `${status} ${code ?? (replayed ? 'replay' : '')} ${text.slice(0, 120)}`;
}

function violation(rule: string, about: string, detail: string): Violation {
  return { rule, about, detail };
}

function groupBy<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
