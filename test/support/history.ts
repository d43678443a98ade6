import { randomUUID } from 'node:crypto';

interface KindRules {
  /** What it answers when it is carried out. */
  status: number;
  /** The events that tell of it. */
  events: readonly string[];
  /** Refusals that a client must expect whose competitor was faster; no cause goes away while copies are under way. */
  refusals: readonly string[];
}

/** What a change of a session may be refused for. */
const CHANGE_REFUSALS = ['session.claimed', 'session.ended', 'lifecycle.invalid_transition'];

/** What clients do. Heartbeats are left out: they leave nothing that could be compared. */
export const KINDS = {
  task: { status: 202, events: ['task_routed'], refusals: [] },
  session: { status: 201, events: ['session_created'], refusals: [] },
  activation: { status: 200, events: ['session_transitioned'], refusals: CHANGE_REFUSALS },
  transition: {
    status: 200,
    events: ['session_transitioned', 'session_updated'],
    refusals: CHANGE_REFUSALS,
  },
  claim: {
    status: 200,
    events: ['task_claimed'],
    refusals: ['task.claimed', 'task.finished', 'task.not_due'],
  },
  release: {
    status: 200,
    events: ['task_released'],
    refusals: ['session.ended', 'task.cancelled'],
  },
  cancel: { status: 200, events: ['task_cancelled'], refusals: ['task.finished'] },
  retry: { status: 200, events: ['task_retried'], refusals: ['task.open', 'task.finished'] },
  ask: { status: 202, events: ['approval_requested'], refusals: ['task.finished'] },
  decision: {
    status: 200,
    events: ['approval_decided'],
    refusals: ['approval.decided', 'task.finished'],
  },
  withdraw: {
    status: 200,
    events: ['approval_withdrawn'],
    refusals: ['approval.decided', 'task.finished'],
  },
} as const satisfies Record<string, KindRules>;

export type Kind = keyof typeof KINDS;

/** Kinds that change a session that is there. */
export const CHANGING: ReadonlySet<Kind> = new Set([
  'activation',
  'transition',
  'claim',
  'release',
]);

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
  /** Responses that no client should receive, of requests that leave nothing behind. */
  readonly faults: Violation[] = [];

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

export const isSuccess = ({ status }: TryAnswer): boolean => status >= 200 && status <= 299;

export function violation(rule: string, about: string, detail: string): Violation {
  return { rule, about, detail };
}
