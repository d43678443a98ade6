import { Button, Group, Modal, Stack } from '@mantine/core';
import { type SubmitEvent, type ReactNode, useEffect } from 'react';
import { texts } from '../texts';

interface ConfirmDialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  /** Describes what will happen. */
  readonly children: ReactNode;
  /** The text of the button that does it. */
  readonly action: string;
  readonly color?: 'red' | 'brand';
  readonly isPending: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before an act, and shows what will happen. */
export function ConfirmDialog({
  isOpen,
  title,
  children,
  action,
  color = 'red',
  isPending,
  onConfirm,
  onClose,
}: ConfirmDialogProps) {
  useInertPage(isOpen);
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    onConfirm();
  };
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={title}
      centered
      // Locking the scroll would add a style element without the nonce of the page.
      lockScroll={false}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': texts.close }}
    >
      <form onSubmit={onSubmit}>
        <Stack gap="md">
          {children}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose} disabled={isPending}>
              {texts.cancel}
            </Button>
            <Button type="submit" color={color} loading={isPending}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** While a dialog is open, the page below can be neither focused nor read. */
function useInertPage(isInert: boolean): void {
  useEffect(() => {
    const page = document.getElementById('root');
    if (!isInert || !page) return;
    page.inert = true;
    page.setAttribute('aria-hidden', 'true');
    return () => {
      page.inert = false;
      page.removeAttribute('aria-hidden');
    };
  }, [isInert]);
}
