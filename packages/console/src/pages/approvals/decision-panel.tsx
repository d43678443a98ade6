import { type Approval, isProblem } from '@agent-mesh/client';
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { usePollInterval } from '../../api/live-context';
import { mesh } from '../../api/mesh';
import { mayDecideQuery } from '../../api/queries';
import { describeError } from '../../api/described-error';
import { useMe } from '../../auth/use-session';
import { DownloadButton } from '../../components/download-button';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { RelativeTime } from '../../components/relative-time';
import { Section } from '../../components/section';
import { Subject } from '../../components/subject';
import { useNow } from '../../components/use-now';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';
import { DelegateDialog } from './delegate-dialog';
import { OwnActions } from './own-actions';
import { useDecision } from './use-decision';
import classes from './decision-panel.module.css';

const t = texts.decision;
/** Seconds to wait for the seal of a decision that was made just now. */
const RECEIPT_WAIT_SECONDS = 5;

/** The decision: possible, made, or why the person cannot make it. */
export function DecisionPanel({ approval }: { approval: Approval }) {
  const isOver = useIsOver(approval);
  return (
    <Section title={t.title}>
      <div role="status">{isOver && <Outcome approval={approval} />}</div>
      {!isOver && (
        <>
          <Pending approval={approval} />
          <OwnActions approval={approval} />
        </>
      )}
    </Section>
  );
}

/** Whether the approval is decided, or its time is over although the controller has not reported that yet. */
function useIsOver({ status, expires_at }: Approval): boolean {
  const now = useNow();
  return status !== 'pending' || (expires_at !== null && new Date(expires_at).getTime() <= now);
}

function Outcome({
  approval: { id, status, decided_by, decision_at, notes, expires_at },
}: {
  approval: Approval;
}) {
  const outcome = status === 'pending' ? 'expired' : status;
  const at = outcome === 'expired' ? expires_at : decision_at;
  return (
    <Stack gap="xs">
      <Text fw={600}>
        {t.outcomes[outcome]}
        {decided_by !== null && (
          <>
            {' '}
            {t.by} <Subject of={decided_by} />
          </>
        )}
        {at !== null && (
          <>
            {' '}
            <RelativeTime at={at} />
          </>
        )}
      </Text>
      {notes !== '' && (
        <blockquote className={classes.comment} dir="auto">
          <VisibleText text={notes} />
        </blockquote>
      )}
      <Text size="sm" c="dimmed">
        {t.outcomeHints[outcome]}
      </Text>
      {(outcome === 'approved' || outcome === 'rejected') && <Receipt id={id} />}
    </Stack>
  );
}

function Receipt({ id }: { id: string }) {
  return (
    <Stack gap="xs" mt="xs">
      <DownloadButton
        name={`approval-${id}.receipt.json`}
        read={() => mesh.approvals.receipt(id, { wait_seconds: RECEIPT_WAIT_SECONDS })}
      >
        {t.receipt}
      </DownloadButton>
      <Text size="xs" c="dimmed">
        {t.receiptHint}
      </Text>
    </Stack>
  );
}

function Pending({ approval }: { approval: Approval }) {
  const me = useMe();
  const mayDecide = useQuery({ ...mayDecideQuery(approval), refetchInterval: usePollInterval() });
  if (!me.roles.includes(approval.approver_role)) {
    return <Refusal>{t.otherRole(approval.approver_role, me.roles.join(', '))}</Refusal>;
  }
  if (approval.approver_kind === 'human' && me.kind !== 'human')
    return <Refusal>{t.needsPerson}</Refusal>;
  if (mayDecide.data === false) {
    return <Refusal>{approval.requested_by === me.subject ? t.ownRequest : t.fourEyes}</Refusal>;
  }
  return <DecisionForm approval={approval} />;
}

function Refusal({ children }: { children: string }) {
  return (
    <Text size="sm" role="note">
      {children}
    </Text>
  );
}

function DecisionForm({ approval }: { approval: Approval }) {
  const [comments, setComments] = useState('');
  const [dialog, setDialog] = useState<'reject' | 'delegate'>();
  const [isCommentMissing, setCommentMissing] = useState(false);
  const decision = useDecision(approval);
  const close = (): void => {
    setDialog(undefined);
  };
  const approve = (): void => {
    decision.mutate({ act: 'decision', decision: 'approved', comments: comments.trim() });
  };
  const reject = (): void => {
    const body = { act: 'decision', decision: 'rejected', comments: comments.trim() } as const;
    decision.mutate(body, { onSettled: close });
  };
  const askToReject = (): void => {
    const isMissing = comments.trim() === '';
    setCommentMissing(isMissing);
    if (isMissing) document.getElementById('comment')?.focus();
    else setDialog('reject');
  };
  const { votes, quorum, stage, stages } = approval;
  const effect =
    votes + 1 < quorum
      ? t.effects.vote(quorum - votes - 1)
      : stage < stages.length
        ? t.effects.nextStage(stages[stage] ?? '')
        : t.effects.last;
  return (
    <Stack gap="md">
      {decision.error && <DecisionError error={decision.error} />}
      <Text size="sm">{effect}</Text>
      <Textarea
        id="comment"
        label={t.comment}
        description={t.commentHint}
        error={isCommentMissing && t.commentMissing}
        autosize
        minRows={3}
        maxRows={12}
        maxLength={10_000}
        value={comments}
        onChange={(event) => {
          setComments(event.currentTarget.value);
          setCommentMissing(false);
        }}
      />
      <Group gap="sm" grow>
        <Button color="brand" loading={decision.isPending} onClick={approve}>
          {t.approve}
        </Button>
        <Button
          variant="outline"
          color="red"
          className={classes.reject}
          disabled={decision.isPending}
          onClick={askToReject}
        >
          {t.reject}
        </Button>
      </Group>
      <Button
        variant="default"
        disabled={decision.isPending}
        onClick={() => {
          setDialog('delegate');
        }}
      >
        {t.delegate}
      </Button>
      <ConfirmDialog
        isOpen={dialog === 'reject'}
        title={t.rejectTitle}
        action={t.reject}
        isPending={decision.isPending}
        onConfirm={reject}
        onClose={close}
      >
        <Text size="sm">{t.effects.reject(approval.requested_role ?? '')}</Text>
        <blockquote className={classes.comment} dir="auto">
          <VisibleText text={comments.trim()} />
        </blockquote>
      </ConfirmDialog>
      <DelegateDialog
        approval={approval}
        isOpen={dialog === 'delegate'}
        decision={decision}
        onClose={close}
      />
    </Stack>
  );
}

function DecisionError({ error }: { error: Error }) {
  const { title, detail } = isProblem(error, 'approval.payload_changed')
    ? { title: t.payloadChanged, detail: t.payloadChangedHint }
    : describeError(error);
  return (
    <Alert color="red" variant="outline" role="alert" title={title}>
      {detail}
    </Alert>
  );
}
