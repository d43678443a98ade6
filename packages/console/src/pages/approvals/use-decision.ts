import { useMutation, useQueryClient } from '@tanstack/react-query';
import { write } from '../../api/client';
import { approvalQuery, KEYS } from '../../api/queries';
import type { Approval } from '../../api/types';

/** A change of an approval by its approver. */
export type ApprovalAct =
  | {
      readonly act: 'decision';
      readonly decision: 'approved' | 'rejected';
      readonly comments: string;
    }
  | { readonly act: 'delegate'; readonly role: string; readonly reason: string };

/** Sends decisions about an approval, bound to the payload that is on screen. */
export function useDecision({ id, digest }: Approval) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (act: ApprovalAct) =>
      write<Approval>('POST', `/approvals/${id}/${act.act}`, bodyOf(act, digest)),
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

function bodyOf(act: ApprovalAct, digest: string | null): object {
  if (act.act === 'delegate') return { role: act.role, reason: act.reason };
  const { decision, comments } = act;
  return { decision, ...(comments !== '' && { comments }), ...(digest !== null && { digest }) };
}
