import type { UpdateSessionDto } from '../../sessions/dto/update-session.dto.js';
import type { WithdrawnApprovalDto } from '../../sessions/dto/withdrawn-approval.dto.js';
import { outputSchema, inputSchema, object, boolean, list, SESSION_ID } from './schemas.js';
import { type Tool, memberText } from './tool.js';
import { recordsOf, type JsonOf, pickGiven } from './json-of.js';
import { toSession, SESSION } from './session-result.js';

export const completeTask: Tool = {
  name: 'complete_task',
  title: 'Complete a task with its result',
  description:
    'Completes a task that you claimed and stores its result. Call it once, when the work is done. While an approval that you requested is pending it is refused with approval.pending: wait for the decision, or set withdraw_pending. If the work failed use fail_task; if another agent of your role should continue use release_task.',
  kind: 'write',
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      result: object(
        'The result, for the requester. claim_task returns its size limits in limits.',
      ),
      withdraw_pending: boolean(
        'Whether to withdraw the pending approvals that you requested. Default: false.',
      ),
    },
    ['session_id'],
  ),
  output: outputSchema({
    ...SESSION.properties,
    withdrawn_approvals: list(
      'The pending approvals that were withdrawn because the task ended.',
      object('approval_id, approver_role and requested_by.'),
    ),
  }),
  async run(mesh, args) {
    const body: JsonOf<UpdateSessionDto> = {
      status: 'completed',
      ...pickGiven<UpdateSessionDto>(args, 'result', 'withdraw_pending'),
    };
    const answer = await mesh.call('update_session', { id: memberText(args.session_id), body });
    const withdrawn = recordsOf<WithdrawnApprovalDto>(answer.body.withdrawn_approvals);
    const session = toSession(answer.body, () => completedText(withdrawn));
    return { ...session, content: { ...session.content, withdrawn_approvals: withdrawn } };
  },
};

function completedText(withdrawn: readonly JsonOf<WithdrawnApprovalDto>[]): string {
  const names = withdrawn.map(
    ({ approval_id, approver_role }) => `${memberText(approval_id)} (${memberText(approver_role)})`,
  );
  return `The task is completed.${names.length > 0 ? ` Withdrawn: ${names.join(', ')}.` : ''}`;
}
