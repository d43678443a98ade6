import { Alert, Button, CopyButton, Group, SegmentedControl, Text } from '@mantine/core';
import { useMemo, useState } from 'react';
import { texts } from '../texts';
import { hasHiddenCharacters, VisibleText } from './visible-text';
import classes from './payload.module.css';

const t = texts.payload;
/** Members that are shown at first, and with each press of the button. */
const MEMBERS = 100;
/** Characters of one value that are shown at first. */
const CHARACTERS = 2_000;
/** Characters of a nested value that is shown on one line. */
const LINE = 80;
/** Characters of the JSON text that are shown at first. */
const JSON_CHARACTERS = 50_000;

type Members = Readonly<Record<string, unknown>>;

/** A JSON object as a list of its members, or as JSON text. Its content is only ever text. */
export function Payload({ value, label }: { value: Members; label: string }) {
  const [view, setView] = useState<'members' | 'json'>('members');
  const json = useMemo(() => JSON.stringify(value, null, 2), [value]);
  const hasHidden = useMemo(() => hasHiddenCharacters(json.replaceAll('\n', ' ')), [json]);
  return (
    <div role="group" aria-label={label}>
      {hasHidden && (
        <Alert color="red" variant="outline" mb="sm">
          {t.hiddenNotice}
        </Alert>
      )}
      {view === 'members' ? <MemberList value={value} /> : <JsonText json={json} />}
      <Group justify="space-between" mt="sm" gap="xs">
        <SegmentedControl
          size="xs"
          aria-label={t.view}
          value={view}
          onChange={(next) => {
            setView(next === 'json' ? 'json' : 'members');
          }}
          data={[
            { value: 'members', label: t.members },
            { value: 'json', label: t.json },
          ]}
        />
        <CopyButton value={json}>
          {({ copied, copy }) => (
            <Button size="compact-xs" variant="default" onClick={copy}>
              {copied ? t.copied : t.copy}
            </Button>
          )}
        </CopyButton>
      </Group>
    </div>
  );
}

function MemberList({ value }: { value: Members }) {
  const [limit, setLimit] = useState(MEMBERS);
  const members = useMemo(() => Object.entries(value), [value]);
  if (members.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t.empty}
      </Text>
    );
  }
  const left = members.length - limit;
  return (
    <>
      <dl className={classes.members}>
        {members.slice(0, limit).map(([name, member]) => (
          <div key={name} className={classes.member}>
            <dt className={classes.name}>
              <VisibleText text={name} />
            </dt>
            <dd className={classes.value} dir="auto">
              <MemberValue value={member} />
            </dd>
          </div>
        ))}
      </dl>
      {left > 0 && (
        <Group mt="sm" gap="xs">
          <Text size="sm" c="dimmed">
            {t.shown(limit, members.length)}
          </Text>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => {
              setLimit(limit + 10 * MEMBERS);
            }}
          >
            {t.more}
          </Button>
        </Group>
      )}
    </>
  );
}

function MemberValue({ value }: { value: unknown }) {
  if (typeof value === 'string') {
    if (value === '')
      return (
        <Text size="sm" c="dimmed" span>
          {t.emptyText}
        </Text>
      );
    return <LongText text={value} limit={CHARACTERS} />;
  }
  if (typeof value === 'object' && value !== null) {
    return <LongText text={jsonOf(value)} limit={CHARACTERS} isCode />;
  }
  return (
    <code>
      {typeof value === 'number'
        ? value.toLocaleString('en', { maximumFractionDigits: 20 })
        : String(value)}
    </code>
  );
}

/** Returns a nested value as JSON: on one line if it is short. Line breaks of its texts are escaped. */
function jsonOf(value: object): string {
  const lines = JSON.stringify(value, null, 2);
  const line = lines.replaceAll(/\n\s*/g, ' ');
  return line.length <= LINE ? line : lines;
}

function JsonText({ json }: { json: string }) {
  return (
    <div className={classes.json} tabIndex={0} role="region" aria-label={t.json}>
      <LongText text={json} limit={JSON_CHARACTERS} isCode />
    </div>
  );
}

/** A text of which a long rest shows on request. */
function LongText({
  text,
  limit,
  isCode = false,
}: {
  text: string;
  limit: number;
  isCode?: boolean;
}) {
  const [isWhole, setWhole] = useState(false);
  const isCut = text.length > limit && !isWhole;
  const shown = isCut ? text.slice(0, limit) : text;
  return (
    <>
      <span className={isCode ? classes.code : classes.text}>
        <VisibleText text={shown} />
        {isCut && '…'}
      </span>
      {isCut && (
        <Button
          size="compact-xs"
          variant="default"
          mt={4}
          onClick={() => {
            setWhole(true);
          }}
        >
          {t.whole(text.length)}
        </Button>
      )}
    </>
  );
}
