/** What can be done to a task, or happen to it. */
export const OPERATIONS = [
  'claim',
  'activate',
  'heartbeat',
  'complete',
  'fail',
  'failForNow',
  'release',
  'cancel',
  'retry',
  'endLease',
  'sweepLeases',
  'endDeadline',
  'sweepDeadlines',
  'endPause',
] as const;

export interface Operation {
  name: (typeof OPERATIONS)[number];
  /** Which of two workers of the role does it. */
  worker: 0 | 1;
  /** Whether a worker means the first attempt, which may be long over, and not the latest. */
  isLate: boolean;
}

interface Attempt {
  status: 'pending' | 'active' | 'completed' | 'failed' | 'expired';
  reason: string | null;
  holder: 0 | 1 | null;
  lease: 'none' | 'running' | 'over';
  isPaused: boolean;
  isRetryable: boolean;
}

/** 200, or the code of the refusal. */
type Verdict = 200 | `${string}.${string}`;

/** A task as the requirement has it, without a database or a clock: it says what each operation must come to. */
export class TaskModel {
  readonly attempts: Attempt[] = [newAttempt()];
  private left: number;
  private isPastDeadline = false;

  constructor(private readonly maxAttempts: number) {
    this.left = maxAttempts - 1;
  }

  get status(): string {
    const { status, reason, isRetryable } = this.latest;
    if (reason === 'cancelled') return 'cancelled';
    return status === 'failed' && isRetryable ? 'dead' : status;
  }

  get latest(): Attempt {
    const latest = this.attempts.at(-1);
    if (!latest) throw new Error('a task has an attempt');
    return latest;
  }

  apply({ name, worker, isLate }: Operation): Verdict {
    const target = isLate ? (this.attempts[0] ?? this.latest) : this.latest;
    switch (name) {
      case 'claim':
        return this.claim(worker);
      case 'heartbeat':
        return held(target, worker) ?? done(target, { lease: 'running' });
      case 'release':
        return held(target, worker) ?? this.release(target);
      case 'activate':
        return finishable(target, worker, 'active') ?? this.activate(target, worker);
      case 'complete':
        return finishable(target, worker, 'completed') ?? end(target, 'completed', 'completed');
      case 'fail':
        return finishable(target, worker, 'failed') ?? end(target, 'failed', 'worker');
      case 'failForNow':
        return finishable(target, worker, 'failed') ?? this.lose(target, 'worker');
      case 'cancel':
        return this.cancel();
      case 'retry':
        return this.retry();
      default:
        return this.happen(name);
    }
  }

  private claim(worker: 0 | 1): Verdict {
    const { latest } = this;
    if (latest.status === 'active') return 'task.claimed';
    if (latest.status !== 'pending') return 'task.finished';
    return this.begin(latest, { status: 'active', holder: worker, lease: 'running' });
  }

  private activate(attempt: Attempt, worker: 0 | 1): Verdict {
    if (attempt.status === 'active') return 200;
    return this.begin(attempt, { status: 'active', holder: worker });
  }

  private begin(attempt: Attempt, change: Partial<Attempt>): Verdict {
    if (this.isPastDeadline) return 'task.finished';
    return attempt.isPaused ? 'task.not_due' : done(attempt, change);
  }

  private release(attempt: Attempt): Verdict {
    end(attempt, 'failed', 'released');
    this.attempts.push(newAttempt());
    return 200;
  }

  /** The attempt failed, but the task need not. */
  private lose(attempt: Attempt, reason: string): Verdict {
    attempt.isRetryable = true;
    end(attempt, 'failed', reason);
    if (this.left > 0 && !this.isPastDeadline) {
      this.left -= 1;
      this.attempts.push({ ...newAttempt(), isPaused: true });
    }
    return 200;
  }

  private cancel(): Verdict {
    if (!isOpen(this.latest)) return 'task.finished';
    return end(this.latest, this.latest.status === 'active' ? 'failed' : 'expired', 'cancelled');
  }

  private retry(): Verdict {
    if (isOpen(this.latest)) return 'task.open';
    if (this.latest.status === 'completed' || this.isPastDeadline) return 'task.finished';
    this.left = this.maxAttempts - 1;
    this.attempts.push(newAttempt());
    return 200;
  }

  /** What nobody asks for. */
  private happen(name: Operation['name']): Verdict {
    const { latest } = this;
    const isActive = latest.status === 'active';
    if (name === 'endLease' && isActive && latest.lease === 'running') latest.lease = 'over';
    if (name === 'endPause') latest.isPaused = false;
    if (name === 'endDeadline') this.isPastDeadline = true;
    if (name === 'sweepLeases' && isActive && latest.lease === 'over' && !this.isPastDeadline) {
      this.lose(latest, 'lease_lost');
    }
    if (name === 'sweepDeadlines' && this.isPastDeadline && isOpen(latest)) {
      end(latest, isActive ? 'failed' : 'expired', 'deadline');
    }
    return 200;
  }
}

function newAttempt(): Attempt {
  return {
    ...{ status: 'pending', reason: null, holder: null, lease: 'none' },
    ...{ isPaused: false, isRetryable: false },
  };
}

function isOpen({ status }: Attempt): boolean {
  return status === 'pending' || status === 'active';
}

function done(attempt: Attempt, change: Partial<Attempt>): 200 {
  Object.assign(attempt, change);
  return 200;
}

function end(attempt: Attempt, status: Attempt['status'], reason: string): 200 {
  return done(attempt, { status, reason });
}

/** Why a worker may neither keep nor release an attempt, if it may not. */
function held(attempt: Attempt, worker: 0 | 1): Verdict | undefined {
  if (attempt.reason === 'cancelled') return 'task.cancelled';
  if (attempt.status === 'pending') return 'lifecycle.invalid_transition';
  if (attempt.status !== 'active') return 'session.ended';
  return attempt.holder === worker ? undefined : 'session.claimed';
}

/** Why a worker may not move an attempt to a status, if it may not. */
function finishable(
  { status, holder }: Attempt,
  worker: 0 | 1,
  to: Attempt['status'],
): Verdict | undefined {
  if (status === 'pending' && to === 'active') return undefined;
  if (status !== 'active') return 'lifecycle.invalid_transition';
  return holder === worker ? undefined : 'session.claimed';
}
