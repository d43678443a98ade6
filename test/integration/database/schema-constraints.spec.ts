import { describe, expect, it } from '@jest/globals';
import { v7 as newId } from 'uuid';
import { useTableRows, violatedConstraint } from '../../support/table-rows.js';

describe('database constraints', () => {
  const rows = useTableRows();

  describe('refuse', () => {
    it.each([
      [
        'a session with an unknown status',
        () => rows.insertSession({ status: 'done', ended_reason: 'worker' }),
        'sessions_status_ck',
      ],
      [
        'an unknown ended_reason',
        () => rows.insertSession({ status: 'failed', ended_reason: 'whim' }),
        'sessions_ended_reason_ck',
      ],
      [
        'an ended session without a reason',
        () => rows.insertSession({ status: 'completed' }),
        'sessions_ended_ck',
      ],
      [
        'an open session with an ended_reason',
        () => rows.insertSession({ ended_reason: 'worker' }),
        'sessions_ended_ck',
      ],
      [
        'an attempt without a task',
        () => rows.insertSession({ attempt: 1 }),
        'sessions_attempt_ck',
      ],
      [
        'a session of a missing task',
        () => rows.insertSession({ task_id: newId() }),
        'sessions_task_id_fk',
      ],
      [
        'an approval with an unknown status',
        async () => rows.insertApproval(await rows.insertTask(), { status: 'maybe' }),
        'approvals_status_ck',
      ],
      [
        'a decision without a decider',
        async () => rows.insertApproval(await rows.insertTask(), { status: 'approved' }),
        'approvals_decided_ck',
      ],
      [
        'a decider of a pending approval',
        async () => rows.insertApproval(await rows.insertTask(), { decided_by: 'bob' }),
        'approvals_decided_ck',
      ],
      [
        'a pending approval without an expiry',
        async () => rows.insertApproval(await rows.insertTask(), { expires_at: null }),
        'approvals_expires_ck',
      ],
      [
        'a stage beyond the last one',
        async () => rows.insertApproval(await rows.insertTask(), { stage: 2 }),
        'approvals_stage_ck',
      ],
      [
        'a quorum of 0',
        async () => rows.insertApproval(await rows.insertTask(), { quorum: 0 }),
        'approvals_quorum_ck',
      ],
      [
        'a digest without a payload',
        async () => rows.insertApproval(await rows.insertTask(), { digest: 'ab' }),
        'approvals_digest_ck',
      ],
      [
        'the consumption of a pending approval',
        async () =>
          rows.insertApproval(await rows.insertTask(), {
            consumed_at: new Date(),
            consumed_by: 'bob',
          }),
        'approvals_consumed_ck',
      ],
      ['an approval of a missing task', () => rows.insertApproval(newId()), 'approvals_task_id_fk'],
      [
        'an idempotency record with an error status',
        () => rows.insertRecord({ response_status: 409 }),
        'idempotency_records_status_ck',
      ],
      [
        'a second deployment id',
        () => rows.insert('deployment', { id: 2, deployment_id: newId() }),
        'deployment_one_row_ck',
      ],
      [
        'a second service heartbeat',
        () => rows.insert('service_heartbeat', { id: 2 }),
        'service_heartbeat_one_row_ck',
      ],
    ])('%s', async (_, statement: () => Promise<unknown>, constraint) => {
      expect(await violatedConstraint(statement())).toBe(constraint);
    });

    it('attempt 0, and allow attempt 1', async () => {
      const task_id = await rows.insertTask();
      expect(await violatedConstraint(rows.insertSession({ task_id, attempt: 0 }))).toBe(
        'sessions_attempt_ck',
      );
      await rows.insertSession({ task_id, attempt: 1 });
    });

    it('a second open attempt of a task', async () => {
      const task_id = await rows.insertTask();
      await rows.insertSession({ task_id, attempt: 1 });
      expect(
        await violatedConstraint(rows.insertSession({ task_id, attempt: 2, status: 'active' })),
      ).toBe('sessions_one_open_attempt_uq');
    });

    it('two attempts of a task with one number', async () => {
      const task_id = await rows.insertTask();
      const ended = { task_id, attempt: 1, status: 'failed', ended_reason: 'worker' };
      await rows.insertSession(ended);
      expect(await violatedConstraint(rows.insertSession(ended))).toBe('sessions_task_attempt_uq');
    });

    it('a second pending approval of a task for one role', async () => {
      const task = await rows.insertTask();
      await rows.insertApproval(task);
      expect(await violatedConstraint(rows.insertApproval(task))).toBe('approvals_one_pending_uq');
    });

    it('a second vote of one subject in a chain', async () => {
      const id = newId();
      await rows.insertApproval(await rows.insertTask(), { id });
      const vote = { approval_id: id, chain_id: id, subject: 'bob', decision: 'approved' };
      await rows.insert('approval_votes', vote);
      const next = newId();
      await rows.insertApproval(await rows.insertTask(), { id: next, chain_id: id });
      expect(
        await violatedConstraint(rows.insert('approval_votes', { ...vote, approval_id: next })),
      ).toBe('approval_votes_chain_subject_uq');
    });

    it('two tasks with one idempotency key', async () => {
      const idempotency_key = newId();
      await rows.insertTask({ idempotency_key });
      expect(await violatedConstraint(rows.insertTask({ idempotency_key }))).toBe(
        'idx_tasks_idempotency_key',
      );
    });

    it('to delete a task that has sessions', async () => {
      const task_id = await rows.insertTask();
      await rows.insertSession({ task_id });
      expect(await violatedConstraint(rows.run('DELETE FROM tasks WHERE id = $1', [task_id]))).toBe(
        'sessions_task_id_fk',
      );
    });

    it.each([
      `UPDATE audit_events SET role = 'other'`,
      `UPDATE audit_events SET role = 'other' WHERE false`,
      `DELETE FROM audit_events`,
      `TRUNCATE audit_events`,
      `TRUNCATE audit_events CASCADE`,
    ])('to change the audit log: %s', async (statement) => {
      await rows.insertEvent();
      await expect(rows.run(statement)).rejects.toMatchObject({
        code: '42501',
        message: 'audit_events is append-only',
      });
    });
  });

  describe('allow', () => {
    it('plain sessions with and without a task', async () => {
      const [alone, task_id] = [newId(), await rows.insertTask()];
      await rows.insertSession({ id: alone });
      await rows.insertSession({ task_id });
      await rows.insertSession({ task_id });

      expect(
        await rows.run('SELECT task_id, attempt FROM sessions WHERE id = $1 OR task_id = $2', [
          alone,
          task_id,
        ]),
      ).toEqual([
        { task_id: null, attempt: null },
        { task_id, attempt: null },
        { task_id, attempt: null },
      ]);
    });

    it('a new attempt after the previous one has ended', async () => {
      const task_id = await rows.insertTask();
      await rows.insertSession({ task_id, attempt: 1, status: 'failed', ended_reason: 'worker' });
      await rows.insertSession({ task_id, attempt: 2 });

      expect(
        await rows.run('SELECT attempt, status FROM sessions WHERE task_id = $1 ORDER BY attempt', [
          task_id,
        ]),
      ).toEqual([
        { attempt: 1, status: 'failed' },
        { attempt: 2, status: 'pending' },
      ]);
    });

    it('pending approvals of one task for several roles, and for one role once its other approval is decided', async () => {
      const task = await rows.insertTask();
      await rows.insertApproval(task);
      await rows.insertApproval(task, { approver_role: 'finance' });
      await rows.insertApproval(task, {
        approver_role: 'cfo',
        status: 'rejected',
        decided_by: 'carol',
      });
      await rows.insertApproval(task, { approver_role: 'cfo' });

      expect(
        await rows.run(
          `SELECT approver_role, status FROM approvals WHERE task_id = $1
            ORDER BY approver_role, status`,
          [task],
        ),
      ).toEqual([
        { approver_role: 'cfo', status: 'pending' },
        { approver_role: 'cfo', status: 'rejected' },
        { approver_role: 'finance', status: 'pending' },
        { approver_role: 'legal', status: 'pending' },
      ]);
    });

    it('to delete a task that has only approvals, and delete those', async () => {
      const task = await rows.insertTask();
      await rows.insertApproval(task);
      await rows.run('DELETE FROM tasks WHERE id = $1', [task]);

      expect(await rows.run('SELECT 1 FROM approvals WHERE task_id = $1', [task])).toEqual([]);
    });
  });
});
