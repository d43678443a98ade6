import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { Matches, ValidateBy, type ValidationArguments } from 'class-validator';
import { isBlank } from '../common/invisible-characters.js';
import { inNfc, NAME } from '../common/names.js';
import { isObject } from './aliases.js';

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
    AsSent(),
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
export function AsSent(): PropertyDecorator {
  return Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key]);
}

/** 0001 to 9999. */
const YEAR = /^(?!0000)\d{4}-/;

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** A point in time as RFC 3339 writes it, with its offset. */
export function IsTimestamp(): PropertyDecorator {
  return applyDecorators(
    ValidateBy({
      name: 'isTimestamp',
      validator: {
        validate: isTimestamp,
        defaultMessage: () => '$property must be a time such as 2026-01-31T12:00:00Z (RFC 3339)',
      },
    }),
  );
}

function isTimestamp(value: unknown): boolean {
  if (typeof value !== 'string' || !TIMESTAMP.test(value)) return false;
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  // Date rolls 31 February over into March.
  const isDay =
    !Number.isNaN(Date.parse(value)) && day.toISOString().startsWith(value.slice(0, 10));
  // An offset may carry it out of the years that RFC 3339 can write.
  return isDay && YEAR.test(new Date(value).toISOString());
}
