import { texts } from '../texts';
import classes from './visible-text.module.css';

/**
 * Characters that are invisible or change the order of others (Unicode Standard Annex 9): a text with them can show
 * something else than it contains. Joiners count only after ASCII, because scripts and emoji need them.
 */
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|(?<=[\u0000-\u007f]|^)[\u200c\u200d])/u;

/** A text of somebody else. Hidden characters show as their code points. */
export function VisibleText({ text }: { text: string }) {
  if (!HIDDEN.test(text)) return <bdi>{text}</bdi>;
  const parts = text.split(HIDDEN);
  return (
    <bdi>
      {parts.map((part, index) =>
        index % 2 === 0 ? (
          part
        ) : (
          // The order of the parts is all that distinguishes them.
          <mark key={index} className={classes.hidden} title={texts.payload.hidden}>
            {codePointOf(part)}
          </mark>
        ),
      )}
    </bdi>
  );
}

function codePointOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

export function hasHiddenCharacters(text: string): boolean {
  return HIDDEN.test(text);
}
