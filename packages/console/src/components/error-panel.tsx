import { Alert, Button, Group, Text } from '@mantine/core';
import { ProblemError } from '../api/problem';
import { texts } from '../texts';

/** A problem of a request: its kind, this case, and its code and trace id for a report. */
export function ErrorPanel({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const problem = error instanceof ProblemError ? error : undefined;
  return (
    <Alert
      color="red"
      variant="outline"
      title={problem?.title ?? texts.errors.unexpected}
      role="alert"
    >
      <Text size="sm">{problem ? problem.detail : error.message}</Text>
      {problem && problem.status > 0 && (
        <Text size="xs" c="dimmed" mt={4}>
          {texts.errors.reference(problem.code, problem.traceId)}
        </Text>
      )}
      {onRetry && (
        <Group mt="sm">
          <Button size="xs" variant="default" onClick={onRetry}>
            {texts.errors.retry}
          </Button>
        </Group>
      )}
    </Alert>
  );
}
