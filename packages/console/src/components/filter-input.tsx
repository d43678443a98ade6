import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';

/** Milliseconds without a key press after which the filter applies. */
const PAUSE_MS = 350;

/** A text field that filters a list when the person stops typing. */
export function FilterInput({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const [text, setText] = useState(value);
  const [applied, setApplied] = useState(value);
  // A link can change the filter.
  if (value !== applied) {
    setApplied(value);
    setText(value);
  }
  useEffect(() => {
    const next = text.trim();
    if (next === value) return;
    const timer = setTimeout(() => {
      onChange(next);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  });
  return (
    <TextInput
      label={label}
      size="sm"
      autoComplete="off"
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
      }}
    />
  );
}
