import { Button, CopyButton } from '@mantine/core';
import { useState } from 'react';
import { Section } from '../../components/section';
import { texts } from '../../texts';
import classes from './raw-json.module.css';

/** The response of the API, on request. */
export function RawJson({ value }: { value: object }) {
  const [isOpen, setOpen] = useState(false);
  const json = isOpen ? JSON.stringify(value, null, 2) : '';
  return (
    <Section
      title={texts.task.raw}
      actions={
        <>
          {isOpen && (
            <CopyButton value={json}>
              {({ copied, copy }) => (
                <Button size="compact-xs" variant="default" onClick={copy}>
                  {copied ? texts.payload.copied : texts.payload.copy}
                </Button>
              )}
            </CopyButton>
          )}
          <Button
            size="compact-xs"
            variant="default"
            aria-expanded={isOpen}
            onClick={() => {
              setOpen(!isOpen);
            }}
          >
            {isOpen ? texts.task.hideRaw : texts.task.showRaw}
          </Button>
        </>
      }
    >
      {isOpen && (
        <pre className={classes.json} tabIndex={0}>
          {json}
        </pre>
      )}
    </Section>
  );
}
