import { Alert, Button, Group, Text } from '@mantine/core';
import { describeError } from '../api/described-error';
import { texts } from '../texts';

/** A problem of a request: its kind, this case, and its code and trace id for a report. */
export function ErrorPanel({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const { title, detail, reference } = describeError(error);
  return (
    <Alert color="red" variant="outline" title={title} role="alert">
      <Text size="sm">{detail}</Text>
      {reference !== undefined && (
        <Text size="xs" c="dimmed" mt={4}>
          {reference}
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
