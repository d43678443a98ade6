import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { Matches, ValidateBy } from 'class-validator';
import { INVISIBLE_CHARACTERS, isBlank } from '../common/invisible-characters.js';
import { isObject } from './aliases.js';

/** As long as the columns that hold a role, in characters that a person can see, and without white space around it. */
export const ROLE_NAME = new RegExp(`^(?!\\s)[^${INVISIBLE_CHARACTERS}]{1,50}(?<!\\s)$`, 'u');

const A_ROLE_NAME = 'a role name: 1 to 50 printable characters, without white space around them';

/** A member that names a role. */
export function IsRoleName(): PropertyDecorator {
  return Matches(ROLE_NAME, { message: `$property must be ${A_ROLE_NAME}` });
}

/** A member that lists roles. */
export function AreRoleNames(): PropertyDecorator {
  return Matches(ROLE_NAME, {
    each: true,
    message: `each of $property must be ${A_ROLE_NAME}`,
  });
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
