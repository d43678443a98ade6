import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { Matches, ValidateBy, type ValidationArguments } from 'class-validator';
import { isBlank } from '../common/invisible-characters.js';
import { inNfc, NAME } from '../common/names.js';
import { isObject } from './aliases.js';
import { parseTimestamp } from './timestamp.js';

/**
 * The part of the rule of names that every dialect of regular expressions can express: no comma, no white space around
 * it.
 */
const NAME_IN_DOCUMENT = '^[^,\\s]([^,]*[^,\\s])?$';

/** A member that names a role. */
export function IsRoleName(): PropertyDecorator {
  return nameRule('role name', false);
}

/** A member that lists roles. */
export function AreRoleNames(): PropertyDecorator {
  return nameRule('role name', true);
}

/** A member that names a task type. */
export function IsTaskType(): PropertyDecorator {
  return nameRule('task type', false);
}

/** A member that lists task types. */
export function AreTaskTypes(): PropertyDecorator {
  return nameRule('task type', true);
}

/** A member that holds names, in NFC from here on. */
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

/** A text in which a person can read something. */
export function IsNotBlank(): PropertyDecorator {
  return ValidateBy({
    name: 'isNotBlank',
    validator: {
      validate: (value) => typeof value === 'string' && !isBlank(value),
      defaultMessage: () => '$property must have visible characters',
    },
  });
}

/** A member that holds a JSON object of the caller's own making. */
export function IsJsonObject(): PropertyDecorator {
  return applyDecorators(
    KeepRaw(),
    ValidateBy({
      name: 'isJsonObject',
      validator: {
        validate: isObject,
        defaultMessage: () => '$property must be a JSON object',
      },
    }),
  );
}

/** A member of the caller's own making: class-transformer's copy would lack members named like `toString`. */
export function KeepRaw(): PropertyDecorator {
  return Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key]);
}

/** A point in time as RFC 3339 writes it, with its offset; from here on in UTC with microseconds. */
export function IsTimestamp(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ format: 'date-time' }),
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? (parseTimestamp(value) ?? value) : value,
    ),
    IsTimestampText(),
  );
}

/** The same for a time that is kept as it was written. */
export function IsTimestampText(): PropertyDecorator {
  return ValidateBy({
    name: 'isTimestamp',
    validator: {
      validate: (value) => typeof value === 'string' && parseTimestamp(value) !== undefined,
      defaultMessage: () => '$property must be a time such as 2026-01-31T12:00:00Z (RFC 3339)',
    },
  });
}
