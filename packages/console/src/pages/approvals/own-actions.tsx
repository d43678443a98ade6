import type { Approval } from '@agent-mesh/client';
import { Button, Group, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useMe } from '../../auth/use-session';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { ErrorPanel } from '../../components/error-panel';
import { texts } from '../../texts';
import { useDecision } from './use-decision';

const t = texts.decision.own;

type OwnAction = 'recall' | 'withdraw';

/** The acts of the role that delegated the decision, and of the role that requested the approval. */
export function OwnActions({ approval }: { approval: Approval }) {
  const { roles } = useMe();
  const [open, setOpen] = useState<OwnAction>();
  const { delegated_from, requested_role, votes } = approval;
  const isOf = (role: string | null): boolean => role !== null && roles.includes(role);
  const actions: readonly OwnAction[] = [
    ...(isOf(delegated_from) && votes === 0 ? (['recall'] as const) : []),
    ...(isOf(requested_role) ? (['withdraw'] as const) : []),
  ];
  if (actions.length === 0) return null;
  return (
    <Group gap="sm" mt="md">
      {actions.map((action) => (
        <Button
          key={action}
          variant="default"
          onClick={() => {
            setOpen(action);
          }}
        >
          {t[action].button}
        </Button>
      ))}
      {open !== undefined && (
        <OwnActionDialog
          approval={approval}
          action={open}
          onClose={() => {
            setOpen(undefined);
          }}
        />
      )}
    </Group>
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
      <Textarea
        label={t.reason}
        maxLength={1_000}
        autosize
        minRows={2}
        value={reason}
        onChange={(event) => {
          setReason(event.currentTarget.value);
        }}
      />
    </ConfirmDialog>
  );
}
