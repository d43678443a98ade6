import type { ReleaseDto } from '../../sessions/dto/lease.dto.js';
import { outputSchema, inputSchema, text, id, SESSION_ID, REASON } from './schemas.js';
import { type Members, type Tool, memberText } from './tool.js';
import { pickGiven } from './json-of.js';
import { toSession, SESSION } from './session-result.js';

const RELEASED_STATUS = text(
  'failed: the session has ended. The task is still open, and its next claim has another session.',
);

export const releaseTask: Tool = {
  name: 'release_task',
  title: 'Release a task',
  description:
    'Gives a claimed task back without using up an attempt. By default another agent of the role can claim it at once: use it when you cannot continue but another agent could. With until_approval the task is due when that approval ends: decided (with stages the last one, or one rejected), withdrawn or expired. Use it instead of a long lease while a person decides, then claim the task again. With not_before it is due at that time. A task can be released 100 times; after that use fail_task with retryable true.',
  kind: 'write',
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      reason: REASON,
      not_before: text(
        'Time (RFC 3339) before which the task cannot be claimed, such as 2036-01-31T12:00:00Z. Not together with until_approval.',
      ),
      until_approval: id(
        'An approval of this task: the approval_id that request_approval returned. Not together with not_before.',
      ),
    },
    ['session_id'],
  ),
  output: outputSchema({ ...SESSION.properties, status: RELEASED_STATUS }),
  async run(mesh, args) {
    const { body } = await mesh.call('release_session', {
      id: memberText(args.session_id),
      body: pickGiven<ReleaseDto>(args, 'reason', 'not_before', 'until_approval'),
    });
    return toSession(body, () => releasedText(args));
  },
};

function releasedText({ not_before, until_approval }: Members): string {
  const approval = memberText(until_approval);
  if (approval)
    return `The task is released. It is due when ${approval}, with all its later stages, is decided, withdrawn or expired.`;
  const time = memberText(not_before);
  return time
    ? `The task is released. It is due at ${time}.`
    : 'The task is released. It is due now.';
}
