import type { Approval } from '@agent-mesh/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { mesh } from '../../api/mesh';
import { approvalQuery, KEYS } from '../../api/queries';

/** A change of an approval by its approver, by the role that delegated it, or by its requester. */
export type ApprovalAct =
  | {
      readonly act: 'decision';
      readonly decision: 'approved' | 'rejected';
      readonly comments: string;
    }
  | { readonly act: 'delegate'; readonly role: string; readonly reason: string }
  | { readonly act: 'recall' | 'withdraw'; readonly reason: string };

/** Sends decisions about an approval, bound to the payload that is on screen. */
export function useDecision({ id, digest }: Approval) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (act: ApprovalAct) => send(id, digest, act),
    onSuccess: (approval) => {
      queryClient.setQueryData(approvalQuery(id).queryKey, approval);
    },
    // Also after an error: the approval may have been decided elsewhere.
    onSettled: () =>
      Promise.all([
        queryClient.invalidateQueries({ queryKey: [KEYS.approvals] }),
        queryClient.invalidateQueries({ queryKey: [KEYS.approval, id] }),
      ]),
  });
}

function send(id: string, digest: string | null, act: ApprovalAct): Promise<Approval> {
  if (act.act === 'delegate')
    return mesh.approvals.delegate(id, { role: act.role, reason: act.reason });
  if (act.act !== 'decision')
    return mesh.approvals[act.act](id, act.reason === '' ? {} : { reason: act.reason });
  const { decision, comments } = act;
  return mesh.approvals.decide(id, {
    decision,
    ...(comments !== '' && { comments }),
    ...(digest !== null && { digest }),
  });
}
