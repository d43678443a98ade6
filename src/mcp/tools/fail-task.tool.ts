import { failureText } from '../../http/failure-report.js';
import type { UpdateSessionDto } from '../../sessions/dto/update-session.dto.js';
import { inputSchema, text, boolean, SESSION_ID } from './schemas.js';
import { type Members, type Tool, memberText } from './tool.js';
import { type JsonOf, pickGiven } from './json-of.js';
import { SESSION, toSession } from './session-result.js';

export const failTask: Tool = {
  name: 'fail_task',
  title: 'Fail a task',
  description:
    'Ends your attempt at a task that you cannot complete. With retryable true another attempt follows after a pause, while attempts are left; with false, the default, the task fails. If you only cannot continue and another agent could, use release_task.',
  kind: 'write',
  destructive: true,
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      error: text(
        'The cause, for the requester. Any length; the first 10,000 characters are stored.',
      ),
      retryable: boolean('Whether another attempt may succeed. Default: false.'),
    },
    ['session_id', 'error'],
  ),
  output: SESSION,
  prepare: toReport,
  async run(mesh, args) {
    const body: JsonOf<UpdateSessionDto> = {
      status: 'failed',
      ...pickGiven<UpdateSessionDto>(args, 'error', 'retryable'),
    };
    const answer = await mesh.call('update_session', { id: memberText(args.session_id), body });
    return toSession(answer.body, () => 'The attempt is failed.');
  },
};

const REPORT_ARGUMENTS = ['session_id', 'error', 'retryable', 'idempotency_key'];

/** Makes the error storable before validation: a failure report is never refused for its size or characters. */
function toReport({ error: told, ...args }: Members): Members {
  const notStored = Object.keys(args).filter((name) => !REPORT_ARGUMENTS.includes(name));
  const error = failureText(told === '' ? 'No reason given' : told, notStored);
  return {
    ...pickGiven<Members>(args, ...REPORT_ARGUMENTS),
    ...(error !== undefined && { error }),
  };
}
