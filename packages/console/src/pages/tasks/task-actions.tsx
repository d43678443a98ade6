import type { TaskDetail } from '@agent-mesh/client';
import { Checkbox, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { mesh } from '../../api/mesh';
import { KEYS } from '../../api/queries';
import { useMe } from '../../auth/use-session';
import { ActionButtons } from '../../components/action-buttons';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { ErrorPanel } from '../../components/error-panel';
import { ReasonInput } from '../../components/reason-input';
import { texts } from '../../texts';

const t = texts.task.actions;
const RETRIABLE: readonly string[] = ['failed', 'expired', 'dead', 'cancelled'];

type Action = 'cancel' | 'retry' | 'release';

/** The acts that the person can do on the task in its present state. */
export function TaskActions({ task }: { task: TaskDetail }) {
  return (
    <ActionButtons
      actions={useAllowedActions(task)}
      textOf={(action) => t[action].button}
      dialogOf={(action, close) => <ActionDialog task={task} action={action} onClose={close} />}
    />
  );
}

function useAllowedActions({ from_role, claimed_by, status }: TaskDetail): Action[] {
  const me = useMe();
  const mayControl = me.roles.includes(from_role) || me.roles.includes('admin');
  const mayRelease =
    status === 'active' && (claimed_by === me.subject || me.roles.includes('admin'));
  return [
    ...(mayControl && (status === 'pending' || status === 'active') ? (['cancel'] as const) : []),
    ...(mayControl && RETRIABLE.includes(status) ? (['retry'] as const) : []),
    ...(mayRelease ? (['release'] as const) : []),
  ];
}

function ActionDialog({
  task,
  action,
  onClose,
}: {
  task: TaskDetail;
  action: Action;
  onClose: () => void;
}) {
  const queryClient = useQueryClient();
  const [reason, setReason] = useState('');
  const [cascade, setCascade] = useState(false);
  const mutation = useMutation({
    mutationFn: async () => {
      const body = reason.trim() === '' ? {} : { reason: reason.trim() };
      if (action === 'release') await mesh.sessions.release(task.session_id, body);
      else if (action === 'retry') await mesh.tasks.retry(task.id, body);
      else await mesh.tasks.cancel(task.id, { ...body, ...(cascade && { cascade }) });
    },
    onSuccess: onClose,
    onSettled: () => queryClient.invalidateQueries({ queryKey: [KEYS.task, task.id] }),
  });
  const { title, effect, confirm } = t[action];
  return (
    <ConfirmDialog
      isOpen
      title={title}
      action={confirm}
      color={action === 'cancel' ? 'red' : 'brand'}
      isPending={mutation.isPending}
      onConfirm={() => {
        mutation.mutate();
      }}
      onClose={onClose}
    >
      <Text size="sm">{effect(task.to_role)}</Text>
      {mutation.error && <ErrorPanel error={mutation.error} />}
      <ReasonInput label={t.reason} value={reason} onChange={setReason} />
      {action === 'cancel' && (
        <Checkbox
          label={t.cascade}
          checked={cascade}
          onChange={(event) => {
            setCascade(event.currentTarget.checked);
          }}
        />
      )}
    </ConfirmDialog>
  );
}
