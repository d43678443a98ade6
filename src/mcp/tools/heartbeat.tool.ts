import type { HeartbeatDto } from '../../sessions/dto/lease.dto.js';
import { inputSchema, integer, SESSION_ID } from './schemas.js';
import { type Tool, memberText } from './tool.js';
import { pickGiven } from './json-of.js';
import { SESSION, toSession } from './session-result.js';

export const heartbeat: Tool = {
  name: 'heartbeat',
  title: 'Extend the lease of a claimed task',
  description:
    'Restarts the lease of a task that you claimed. Call it well before lease_expires_at for as long as you work. If it is refused with task.cancelled or session.ended, stop working: the task is no longer yours. If it is refused with session.run_limit, end the task now.',
  kind: 'write',
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      lease_seconds: integer(
        'New length of the lease in seconds, at least 30 unless the operator allows less. Default: its current length.',
        1,
        3_600,
      ),
    },
    ['session_id'],
  ),
  output: SESSION,
  keyDescriptions: {
    idempotency_key:
      'Identifies the call. Default: a new key. Each heartbeat is executed, also with the key of an earlier one: after a call without a response, call again.',
    replayed: 'Always false: each heartbeat is executed.',
  },
  async run(mesh, args) {
    const { body } = await mesh.call('extend_lease', {
      id: memberText(args.session_id),
      body: pickGiven<HeartbeatDto>(args, 'lease_seconds'),
    });
    return toSession(
      body,
      (session) => `The lease ends at ${memberText(session.lease_expires_at)}.`,
    );
  },
};
