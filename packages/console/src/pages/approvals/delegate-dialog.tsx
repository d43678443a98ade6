import type { Approval } from '@agent-mesh/client';
import { Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { ErrorPanel } from '../../components/error-panel';
import { ReasonInput } from '../../components/reason-input';
import { texts } from '../../texts';
import type { useDecision } from './use-decision';

const t = texts.decision;

interface DelegateDialogProps {
  readonly approval: Approval;
  readonly isOpen: boolean;
  readonly decision: ReturnType<typeof useDecision>;
  readonly onClose: () => void;
}

/** Asks for the role that decides from now on, and for the reason. */
export function DelegateDialog({ approval, isOpen, decision, onClose }: DelegateDialogProps) {
  const [role, setRole] = useState('');
  const [reason, setReason] = useState('');
  const delegate = (): void => {
    decision.mutate(
      { act: 'delegate', role: role.trim(), reason: reason.trim() },
      { onSuccess: onClose },
    );
  };
  return (
    <ConfirmDialog
      isOpen={isOpen}
      title={t.delegateTitle}
      action={t.delegate}
      color="brand"
      isPending={decision.isPending}
      onConfirm={delegate}
      onClose={onClose}
    >
      <Text size="sm">{t.effects.delegate(approval.approver_role)}</Text>
      {decision.error && <ErrorPanel error={decision.error} />}
      <TextInput
        label={t.delegateRole}
        required
        withAsterisk={false}
        data-autofocus
        maxLength={50}
        autoComplete="off"
        value={role}
        onChange={(event) => {
          setRole(event.currentTarget.value);
        }}
      />
      <ReasonInput label={t.delegateReason} isRequired value={reason} onChange={setReason} />
    </ConfirmDialog>
  );
}
