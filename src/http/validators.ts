import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { Matches, ValidateBy, type ValidationArguments } from 'class-validator';
import { isBlank } from '../common/invisible-characters.js';
import { inNfc, NAME } from '../common/names.js';
import { isRecord } from '../common/is-record.js';
import { parseTimestamp } from './timestamp.js';

/** The part of the rule for names that all regular-expression dialects support: no comma, no surrounding white space. */
const NAME_IN_DOCUMENT = '^[^,\\s]([^,]*[^,\\s])?$';

/** Validates a role name. */
export function IsRoleName(): PropertyDecorator {
  return nameRule('role name', false);
}

/** Validates a list of role names. */
export function AreRoleNames(): PropertyDecorator {
  return nameRule('role name', true);
}

/** Validates a task type. */
export function IsTaskType(): PropertyDecorator {
  return nameRule('task type', false);
}

/** Validates a list of task types. */
export function AreTaskTypes(): PropertyDecorator {
  return nameRule('task type', true);
}

/** Validates a name, or each name of a list, and converts it to NFC. */
function nameRule(kind: string, each: boolean): PropertyDecorator {
  const subject = each ? 'each of $property' : '$property';
  const rule = `must be a ${kind}: 1 to 50 printable characters, without white space around them`;
  return applyDecorators(
    ApiProperty({ minLength: 1, maxLength: 50, pattern: NAME_IN_DOCUMENT }),
    Transform(({ value }: { value: unknown }) => inNfc(value)),
    Matches(NAME, {
      each,
      message: ({ value }: ValidationArguments) =>
        `${subject} ${hasComma(value) ? 'must not contain a comma' : rule}`,
    }),
  );
}

function hasComma(value: unknown): boolean {
  return Array.isArray(value)
    ? value.some(hasComma)
    : typeof value === 'string' && value.includes(',');
}

/** Validates that a text has visible characters. */
export function IsNotBlank(): PropertyDecorator {
  return ValidateBy({
    name: 'isNotBlank',
    validator: {
      validate: (value) => typeof value === 'string' && !isBlank(value),
      defaultMessage: () => '$property must have visible characters',
    },
  });
}

/** Validates a free-form JSON object. */
export function IsJsonObject(): PropertyDecorator {
  return applyDecorators(
    KeepRaw(),
    ValidateBy({
      name: 'isJsonObject',
      validator: {
        validate: isRecord,
        defaultMessage: () => '$property must be a JSON object',
      },
    }),
  );
}

/** Keeps a free-form member as sent: the copy of class-transformer would lack members with names such as `toString`. */
export function KeepRaw(): PropertyDecorator {
  return Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key]);
}

/** Validates an RFC 3339 time with offset, and converts it to UTC with microseconds. */
export function IsTimestamp(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ format: 'date-time' }),
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? (parseTimestamp(value) ?? value) : value,
    ),
    IsTimestampText(),
  );
}

/** Validates an RFC 3339 time with offset, and keeps it as sent. */
export function IsTimestampText(): PropertyDecorator {
  return ValidateBy({
    name: 'isTimestamp',
    validator: {
      validate: (value) => typeof value === 'string' && parseTimestamp(value) !== undefined,
      defaultMessage: () => '$property must be a time such as 2026-01-31T12:00:00Z (RFC 3339)',
    },
  });
}
