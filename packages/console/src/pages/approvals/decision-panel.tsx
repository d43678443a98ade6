import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { usePollInterval } from '../../api/live-context';
import { mayDecideQuery } from '../../api/queries';
import { ProblemError } from '../../api/problem';
import type { Approval } from '../../api/types';
import { useMe } from '../../auth/use-session';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { RelativeTime } from '../../components/relative-time';
import { Section } from '../../components/section';
import { Subject } from '../../components/subject';
import { useNow } from '../../components/use-now';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';
import { DelegateDialog } from './delegate-dialog';
import { useDecision } from './use-decision';
import classes from './decision-panel.module.css';

const t = texts.decision;

/** The decision: possible, made, or why the person cannot make it. */
export function DecisionPanel({ approval }: { approval: Approval }) {
  const isOver = useIsOver(approval);
  return (
    <Section title={t.title}>
      <div role="status">{isOver && <Outcome approval={approval} />}</div>
      {!isOver && <Pending approval={approval} />}
    </Section>
  );
}

/** Whether the approval is decided, or its time is over although the controller has not reported that yet. */
function useIsOver({ status, expires_at }: Approval): boolean {
  const now = useNow();
  return status !== 'pending' || (expires_at !== null && new Date(expires_at).getTime() <= now);
}

function Outcome({
  approval: { status, decided_by, decision_at, notes, expires_at },
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
  const problem = error instanceof ProblemError ? error : undefined;
  const isChanged = problem?.code === 'approval.payload_changed';
  return (
    <Alert
      color="red"
      variant="outline"
      role="alert"
      title={isChanged ? t.payloadChanged : (problem?.title ?? texts.errors.unexpected)}
    >
      {isChanged ? t.payloadChangedHint : (problem?.detail ?? error.message)}
    </Alert>
  );
}
