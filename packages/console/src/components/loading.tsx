import { Center, Loader, Skeleton, Stack } from '@mantine/core';
import { texts } from '../texts';

export function LoadingPage() {
  return (
    <Center mih="60dvh">
      <Loader role="status" aria-label={texts.loading} />
    </Center>
  );
}

/** Stands for content that is being read. */
export function LoadingRows() {
  return (
    <Stack gap="xs" role="status" aria-label={texts.loading}>
      {[1, 2, 3, 4].map((row) => (
        <Skeleton key={row} height={56} radius="md" />
      ))}
    </Stack>
  );
}
