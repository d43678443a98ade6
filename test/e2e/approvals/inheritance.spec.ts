import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import type { ApprovalBody } from '../../support/approvals.js';
import {
  documentedInheritance,
  ENDS,
  type Inheritance,
  nextAttempt,
  REQUIREMENT,
  resubmission,
  type Resubmission,
  retry,
  RETRY_REASON,
  ROUTED,
} from '../../support/inheritance.js';

interface Seen {
  next: Inheritance;
  retries: Record<(typeof ENDS)[number], Inheritance>;
  again: Resubmission;
  /** Of a task whose deadline comes before the approval expires. */
  late: Resubmission;
  /** With a payload, a reason and a time of its own. */
  given: Resubmission;
}

/** A cell of the table: its text in docs/approvals.md, and what that means. */
type Cell = [text: string, check: (seen: Seen) => void] | undefined;

const GIVEN = { payload: { amount: 4 }, reason: 'Less', expires_in_seconds: 600 };

const secondsBetween = (from: string | null | undefined, to: string | null | undefined): number =>
  (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000;

const lastOf = <T>(items: readonly T[] | undefined): T | undefined => items?.at(-1);

/** The requirement as it was opened by a retry. */
const reopened = ({ after }: Inheritance) => lastOf(after.approvals);

const eachRetry =
  (check: (inheritance: Inheritance) => void) =>
  ({ retries }: Seen): void => {
    for (const end of ENDS) check(retries[end]);
  };

const same =
  (member: 'deadline_at' | 'priority' | 'max_run_seconds' | 'requires_approval') =>
  ({ before, after }: Inheritance): void => {
    expect(before[member]).not.toBeNull();
    expect(after[member]).toEqual(before[member]);
  };

const runsFor = ({ claimed }: Inheritance): void => {
  expect(secondsBetween(claimed?.updated_at, claimed?.run_until)).toBeCloseTo(
    ROUTED.max_run_seconds,
    -1,
  );
};

const lasts = (approval: Partial<ApprovalBody> | undefined, seconds: number): void => {
  expect(secondsBetween(approval?.created_at, approval?.expires_at)).toBeCloseTo(seconds, 0);
};

const TABLE: Record<string, [next: Cell, retry: Cell, resubmission: Cell]> = {
  'due time (`not_before`)': [
    [
      'after a backoff',
      ({ next: { after, isDue } }) => {
        const attempt = lastOf(after.attempts);
        expect(secondsBetween(attempt?.created_at, attempt?.not_before)).toBeGreaterThan(0);
        expect(secondsBetween(attempt?.created_at, attempt?.not_before)).toBeLessThan(600);
        expect(isDue).toBe(false);
      },
    ],
    [
      'at once',
      eachRetry(({ after, isDue }) => {
        const { not_before = null, created_at } = lastOf(after.attempts) ?? {};
        if (not_before !== null) expect(secondsBetween(created_at, not_before)).toBeLessThan(1);
        expect(isDue).toBe(true);
      }),
    ],
    undefined,
  ],
  deadline: [
    [
      'the same',
      ({ next }) => {
        same('deadline_at')(next);
      },
    ],
    ['the same', eachRetry(same('deadline_at'))],
    [
      'the same: no approval is open longer',
      ({ late: { deadline, old, again } }) => {
        expect([old.expires_at, again.expires_at]).toEqual([deadline, deadline]);
      },
    ],
  ],
  priority: [
    [
      'the same',
      ({ next }) => {
        same('priority')(next);
      },
    ],
    ['the same', eachRetry(same('priority'))],
    undefined,
  ],
  '`max_run_seconds`': [
    [
      'the same, from the claim',
      ({ next }) => {
        same('max_run_seconds')(next);
        runsFor(next);
      },
    ],
    [
      'the same, from the claim',
      eachRetry((inheritance) => {
        same('max_run_seconds')(inheritance);
        runsFor(inheritance);
      }),
    ],
    undefined,
  ],
  'attempts left': [
    [
      'one less',
      ({ next: { attemptsLeft } }) => {
        expect(attemptsLeft).toEqual([2, 1]);
      },
    ],
    [
      '`max_attempts`',
      eachRetry(({ attemptsLeft }) => {
        expect(lastOf(attemptsLeft)).toBe(ROUTED.max_attempts - 1);
      }),
    ],
    undefined,
  ],
  'requirement (`requires_approval`)': [
    [
      'the same, with its state',
      ({ next }) => {
        same('requires_approval')(next);
        expect(next.before.approvals).toMatchObject([{ status: 'pending', votes: 1 }]);
        // The status of the task that an approval shows is that of its latest attempt.
        const task = expect.objectContaining({ task_type: 'purchase' });
        expect(next.after.approvals).toEqual([{ ...next.before.approvals[0], task }]);
      },
    ],
    [
      'requested again if it is neither met nor pending',
      eachRetry((inheritance) => {
        same('requires_approval')(inheritance);
        expect(inheritance.before.approvals).toHaveLength(1);
        expect(inheritance.after.approvals).toHaveLength(2);
        expect(reopened(inheritance)).toMatchObject({
          ...{ status: 'pending', stages: [inheritance.after.requires_approval?.role] },
        });
      }),
    ],
    undefined,
  ],
  '`stages`, `quorum`, `approver_kind`': [
    undefined,
    [
      'of the requirement',
      eachRetry((inheritance) => {
        const { quorum, approver_kind } = REQUIREMENT;
        const stages = [inheritance.after.requires_approval?.role];
        expect(reopened(inheritance)).toMatchObject({ stages, quorum, approver_kind });
      }),
    ],
    [
      'the same',
      ({ again: { old, again } }) => {
        const { stages, quorum, approver_kind } = old;
        expect({ quorum, approver_kind }).toMatchObject({ quorum: 2, approver_kind: 'human' });
        expect(again).toMatchObject({ stage: 1, stages, quorum, approver_kind });
      },
    ],
  ],
  '`expires_in_seconds`': [
    undefined,
    [
      'of the requirement, from now',
      eachRetry((inheritance) => {
        lasts(reopened(inheritance), REQUIREMENT.expires_in_seconds);
      }),
    ],
    [
      'the same, from now, if the body has no other',
      ({ again, given }) => {
        lasts(again.again, REQUIREMENT.expires_in_seconds);
        lasts(given.again, GIVEN.expires_in_seconds);
      },
    ],
  ],
  '`payload`, `reason`': [
    undefined,
    [
      'of the task; the reason of the retry',
      eachRetry((inheritance) => {
        const { task_type, description, data, context } = inheritance.after;
        const approval = reopened(inheritance);
        expect(approval?.payload).toEqual({ task_type, description, data, context });
        expect(approval?.reason).toContain(RETRY_REASON);
      }),
    ],
    [
      'the same, if the body has no other',
      ({ again: { old, again }, given }) => {
        const { payload, digest, reason } = old;
        expect(again).toMatchObject({ payload, digest, reason });
        expect(given.again).toMatchObject({ payload: GIVEN.payload, reason: GIVEN.reason });
      },
    ],
  ],
  '`repeat`': [
    undefined,
    [
      '`true` if the payload was consumed before',
      ({ retries }) => {
        const repeats = ENDS.map((end) => reopened(retries[end])?.repeat);
        expect(repeats).toEqual([false, false, true]);
      },
    ],
    [
      'the same, if the body has no other payload',
      ({ again: { old, again }, given }) => {
        expect([old.repeat, again.repeat, given.again.repeat]).toEqual([true, true, false]);
      },
    ],
  ],
};

describe('the inheritance of a task', () => {
  let mesh: TestApp;
  let seen: Seen;

  beforeAll(async () => {
    mesh = await startTestApp({ env: { HUMAN_CLAIMS: 'idtyp=user' } });
    const [failed, cancelled, consumed] = [
      await retry(mesh, 'failed'),
      await retry(mesh, 'cancelled'),
      await retry(mesh, 'cancelled after the consumption'),
    ];
    seen = {
      next: await nextAttempt(mesh),
      retries: { failed, cancelled, 'cancelled after the consumption': consumed },
      again: await resubmission(mesh),
      late: await resubmission(mesh, {}, REQUIREMENT.expires_in_seconds / 2),
      given: await resubmission(mesh, GIVEN),
    };
  });

  afterAll(() => mesh.close());

  it('is the table in docs/approvals.md, cell by cell', () => {
    const tested = Object.entries(TABLE).map(([value, cells]) => [
      value,
      cells.map((cell) => cell?.[0] ?? ''),
    ]);
    expect(Object.fromEntries(tested)).toEqual(documentedInheritance());
  });

  const cells = Object.entries(TABLE).flatMap(([value, [next, again, resubmitted]]) =>
    Object.entries({ 'a next attempt': next, 'a retry': again, 'a resubmission': resubmitted })
      .filter(([, cell]) => cell !== undefined)
      .map(([how, cell]) => ({ value, how, text: cell?.[0] ?? '', check: cell?.[1] })),
  );

  it.each(cells)('by $how: $value is $text', ({ check }) => {
    expect.hasAssertions();
    check?.(seen);
  });
});
