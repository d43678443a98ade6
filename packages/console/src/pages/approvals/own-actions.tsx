import type { Approval } from '@agent-mesh/client';
import { Text } from '@mantine/core';
import { useState } from 'react';
import { useMe } from '../../auth/use-session';
import { ActionButtons } from '../../components/action-buttons';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { ErrorPanel } from '../../components/error-panel';
import { ReasonInput } from '../../components/reason-input';
import { texts } from '../../texts';
import { useDecision } from './use-decision';

const t = texts.decision.own;

type OwnAction = 'recall' | 'withdraw';

/** The acts of the role that delegated the decision, and of the role that requested the approval. */
export function OwnActions({ approval }: { approval: Approval }) {
  const { roles } = useMe();
  const { delegated_from, requested_role, votes } = approval;
  const isOf = (role: string | null): boolean => role !== null && roles.includes(role);
  const actions: readonly OwnAction[] = [
    ...(isOf(delegated_from) && votes === 0 ? (['recall'] as const) : []),
    ...(isOf(requested_role) ? (['withdraw'] as const) : []),
  ];
  if (actions.length === 0) return null;
  return (
    <ActionButtons
      mt="md"
      actions={actions}
      textOf={(action) => t[action].button}
      dialogOf={(action, close) => (
        <OwnActionDialog approval={approval} action={action} onClose={close} />
      )}
    />
  );
}

function OwnActionDialog({
  approval,
  action,
  onClose,
}: {
  approval: Approval;
  action: OwnAction;
  onClose: () => void;
}) {
  const [reason, setReason] = useState('');
  const decision = useDecision(approval);
  const { title, effect, button } = t[action];
  return (
    <ConfirmDialog
      isOpen
      title={title}
      action={button}
      color={action === 'withdraw' ? 'red' : 'brand'}
      isPending={decision.isPending}
      onConfirm={() => {
        decision.mutate({ act: action, reason: reason.trim() }, { onSuccess: onClose });
      }}
      onClose={onClose}
    >
      <Text size="sm">{effect(approval.delegated_from ?? '', approval.approver_role)}</Text>
      {decision.error && <ErrorPanel error={decision.error} />}
      <ReasonInput label={t.reason} value={reason} onChange={setReason} />
    </ConfirmDialog>
  );
}
