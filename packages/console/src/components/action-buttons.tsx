import { Button, Group, type MantineSpacing } from '@mantine/core';
import { type ReactNode, useState } from 'react';

interface ActionButtonsProps<Action extends string> {
  readonly actions: readonly Action[];
  readonly textOf: (action: Action) => string;
  /** Returns the dialog of an action. */
  readonly dialogOf: (action: Action, close: () => void) => ReactNode;
  readonly mt?: MantineSpacing;
}

/** A button for each action, which opens its dialog. */
export function ActionButtons<Action extends string>({
  actions,
  textOf,
  dialogOf,
  mt,
}: ActionButtonsProps<Action>) {
  const [open, setOpen] = useState<Action>();
  const close = (): void => {
    setOpen(undefined);
  };
  return (
    <Group gap="sm" mt={mt}>
      {actions.map((action) => (
        <Button
          key={action}
          variant="default"
          onClick={() => {
            setOpen(action);
          }}
        >
          {textOf(action)}
        </Button>
      ))}
      {open !== undefined && dialogOf(open, close)}
    </Group>
  );
}
