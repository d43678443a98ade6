import { type Kind, KINDS, type Operation, type TryAnswer } from './history.js';
import type { Stored, StoredEvent, StoredSession } from './stored-rows.js';

/** What is stored, by what it is looked up with. */
export class StoredIndex {
  readonly events: Map<string, StoredEvent[]>;
  readonly records: Map<string, Stored['records']>;
  /** The events that made a version of a session. */
  readonly steps: Map<string, StoredEvent[]>;
  /** The events that settled an approval. */
  readonly settlements: Map<string, StoredEvent[]>;
  /** The attempts of a task, in their order. */
  readonly attempts: Map<string, StoredSession[]>;
  private readonly things: Record<MakingKind, Map<string, { id: string }[]>>;

  constructor({ tasks, sessions, approvals, events, records }: Stored) {
    this.events = groupBy(events, ({ trace }) => trace);
    this.records = groupBy(records, ({ key }) => key);
    this.steps = groupBy(
      events.filter(({ version }) => version > 0),
      ({ session_id }) => session_id ?? '',
    );
    this.settlements = groupBy(
      events.filter(({ type }) => SETTLING.has(type)),
      ({ approval_id }) => approval_id ?? '',
    );
    this.attempts = groupBy(
      sessions
        .filter(({ attempt }) => attempt !== null)
        .sort((a, b) => (a.attempt ?? 0) - (b.attempt ?? 0)),
      ({ task_id }) => task_id ?? '',
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
    const types: readonly string[] = KINDS[kind].events;
    return (this.events.get(trace) ?? []).filter(({ type }) => types.includes(type));
  }

  /**
   * Whether an activation was told what another one had made before: an agent that gave up waiting for the answer, and
   * asks anew, finds the session active by itself. Nothing is changed then, and the answer is kept like any other.
   */
  isAsAsked(operation: Operation, success: TryAnswer): boolean {
    if (operation.kind !== 'activation' || this.eventsOf(operation).length > 0) return false;
    const told = thingIn(operation.kind, success);
    return [...this.steps.values()].flat().some((step) => versionOf(step) === told);
  }

  /** What the operation made, settled or changed; of a session, the versions that it made. */
  thingsOf(operation: Operation): string[] {
    const { kind, key, trace } = operation;
    switch (kind) {
      case 'activation':
      case 'transition':
      case 'claim':
      case 'release':
        return this.eventsOf(operation).map(versionOf);
      case 'cancel':
      case 'retry':
        return this.eventsOf(operation).map(({ task_id }) => task_id ?? '');
      case 'withdraw':
        return this.eventsOf(operation).map(({ approval_id }) => approval_id ?? '');
      default: {
        const things = this.things[kind].get(kind === 'session' ? trace : key) ?? [];
        return things.map(({ id }) => id);
      }
    }
  }
}

/** Kinds whose effect is found in the thing itself, not only in the trail. */
type MakingKind = 'task' | 'session' | 'ask' | 'decision';

const SETTLING = new Set(['approval_decided', 'approval_withdrawn', 'approval_expired']);

const versionOf = ({ session_id, version }: StoredEvent): string =>
  `${session_id ?? ''}.${version}`;

/** What the answer says was made, as {@link StoredIndex.thingsOf} writes it. */
export function thingIn(kind: Kind, { text }: TryAnswer): string {
  const body = JSON.parse(text) as Told & { session?: Told };
  const { session = body } = body;
  switch (kind) {
    case 'task':
      return String(body.task_id).replace('task-', '');
    case 'ask':
      return String(body.approval_id).replace('approval-', '');
    case 'activation':
    case 'transition':
    case 'claim':
    case 'release':
      return `${session.id ?? ''}.${session.version ?? ''}`;
    default:
      return String(body.id);
  }
}

interface Told {
  id?: string;
  version?: number;
  task_id?: string;
  approval_id?: string;
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
