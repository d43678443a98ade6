import { Button } from '@mantine/core';
import { texts } from '../texts';
import { EmptyState } from './empty-state';

/** Shown if the console cannot even read how to sign in. */
export function UnreachablePage() {
  return (
    <main>
      <EmptyState title={texts.errors.unreachable}>
        <p>{texts.errors.unreachableDetail}</p>
        <Button
          variant="default"
          onClick={() => {
            location.reload();
          }}
        >
          {texts.errors.retry}
        </Button>
      </EmptyState>
    </main>
  );
}
