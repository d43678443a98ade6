import { Textarea } from '@mantine/core';

interface ReasonInputProps {
  readonly label: string;
  readonly isRequired?: boolean;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** The reason of an action, of the length that the API accepts. */
export function ReasonInput({ label, isRequired = false, value, onChange }: ReasonInputProps) {
  return (
    <Textarea
      label={label}
      required={isRequired}
      withAsterisk={false}
      maxLength={1_000}
      autosize
      minRows={2}
      value={value}
      onChange={(event) => {
        onChange(event.currentTarget.value);
      }}
    />
  );
}
