import { ProblemError } from '@agent-mesh/client';
import {
  Alert,
  Anchor,
  Button,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { type SubmitEvent, useEffect, useState } from 'react';
import { describeError } from '../api/described-error';
import { Brand } from '../components/brand';
import { texts } from '../texts';
import { signInForDevelopment } from './development-sign-in';
import { session } from './session';
import { useSignIn } from './sign-in-context';
import classes from './sign-in-page.module.css';

const t = texts.signIn;

/** The page of a person that is not signed in. The URL stays, so that the page it names follows. */
export function SignInPage({ reason }: { reason: 'first' | 'expired' | 'left' }) {
  const { config } = useSignIn();
  const [usesToken, setUsesToken] = useState(false);
  return (
    <main className={classes.page}>
      <Paper className={classes.card} withBorder shadow="xs">
        <Stack gap="lg">
          <Brand />
          <Title order={1} size="h3">
            {t.title}
          </Title>
          {reason === 'expired' && <Alert color="yellow">{t.expired}</Alert>}
          {reason === 'left' && <Alert color="gray">{t.left}</Alert>}
          {config.oidc && <IssuerSignIn />}
          {config.dev_token && <DevelopmentSignIn />}
          {!config.oidc && !config.dev_token && <Alert color="gray">{t.notConfigured}</Alert>}
          {usesToken ? (
            <TokenSignIn />
          ) : (
            <Anchor
              component="button"
              type="button"
              size="sm"
              onClick={() => {
                setUsesToken(true);
              }}
            >
              {t.useToken}
            </Anchor>
          )}
        </Stack>
      </Paper>
    </main>
  );
}

function IssuerSignIn() {
  const signIn = useSignIn();
  const { problem, isPending, submit } = useSubmit(() => signIn.begin());
  const { mayBeginAtOnce: mayBegin, failure } = signIn;
  useEffect(() => {
    if (mayBegin) submit();
    // Once, when the page opens.
  }, []);
  return (
    <Stack gap="sm">
      {failure && <Alert color="red">{t.failed(failure.message)}</Alert>}
      {problem !== undefined && <Alert color="red">{problem}</Alert>}
      <Button size="md" loading={isPending} onClick={submit}>
        {t.withIssuer}
      </Button>
      <Text size="sm" c="dimmed">
        {t.issuer(new URL(signIn.config.oidc?.authority ?? '').host)}
      </Text>
    </Stack>
  );
}

function DevelopmentSignIn() {
  const [role, setRole] = useState('');
  const [name, setName] = useState('');
  const roles = role
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const { problem, isPending, submit } = useSubmit(() => signInForDevelopment(roles, name.trim()));
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    submit();
  };
  return (
    <form onSubmit={onSubmit}>
      <Stack gap="md">
        {problem !== undefined && <Alert color="red">{problem}</Alert>}
        <TextInput
          label={t.role}
          description={t.roleHint}
          size="md"
          required
          withAsterisk={false}
          autoFocus
          autoComplete="off"
          value={role}
          onChange={(event) => {
            setRole(event.currentTarget.value);
          }}
        />
        <TextInput
          label={t.name}
          description={t.nameHint}
          size="md"
          autoComplete="off"
          value={name}
          onChange={(event) => {
            setName(event.currentTarget.value);
          }}
        />
        <Button type="submit" size="md" loading={isPending}>
          {t.continue}
        </Button>
      </Stack>
    </form>
  );
}

function TokenSignIn() {
  const [token, setToken] = useState('');
  const { problem, isPending, submit } = useSubmit(() => session.signIn(token.trim()));
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    submit();
  };
  return (
    <form onSubmit={onSubmit}>
      <Stack gap="md">
        {problem !== undefined && <Alert color="red">{problem}</Alert>}
        <PasswordInput
          label={t.token}
          description={t.tokenHint}
          autoComplete="off"
          value={token}
          onChange={(event) => {
            setToken(event.currentTarget.value);
          }}
        />
        <Button type="submit" variant="default" loading={isPending} disabled={token.trim() === ''}>
          {t.useThisToken}
        </Button>
      </Stack>
    </form>
  );
}

/** Runs a sign-in, and keeps the text of its problem. */
function useSubmit(run: () => Promise<void>) {
  const [problem, setProblem] = useState<string>();
  const [isPending, setPending] = useState(false);
  const submit = (): void => {
    setPending(true);
    setProblem(undefined);
    run()
      .catch((error: unknown) => {
        setProblem(problemText(error));
      })
      .finally(() => {
        setPending(false);
      });
  };
  return { problem, isPending, submit };
}

function problemText(error: unknown): string {
  // An identity provider that cannot be reached is an error of another class.
  if (!(error instanceof ProblemError)) return t.unreachable;
  const { title, detail } = describeError(error);
  return `${title}. ${detail}`;
}
