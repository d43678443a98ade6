import { Button, CopyButton } from '@mantine/core';
import { texts } from '../texts';
import classes from './digest.module.css';

const SHOWN = 12;

/** The beginning of a digest. The whole digest shows on hover, and can be copied. */
export function Digest({ of }: { of: string }) {
  return (
    <span className={classes.digest}>
      <code title={of}>{of.slice(0, SHOWN)}…</code>
      <CopyButton value={of}>
        {({ copied, copy }) => (
          <Button size="compact-xs" variant="default" onClick={copy} aria-label={texts.copyDigest}>
            {copied ? texts.payload.copied : texts.payload.copy}
          </Button>
        )}
      </CopyButton>
    </span>
  );
}
