import { Group, Title } from '@mantine/core';
import type { ReactNode } from 'react';

/** The heading of a page, with its actions at the other end. */
export function PageTitle({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    <Group justify="space-between" align="center" mb="md" gap="sm">
      <Title order={1} size="h2">
        {children}
      </Title>
      {actions}
    </Group>
  );
}
