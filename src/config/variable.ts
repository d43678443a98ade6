import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsBoolean, Matches } from 'class-validator';
import { inNfc, NAME } from '../common/names.js';

/** Validation options of URLs. Hosts can be names of a container network, such as `my_db`. */
export const URL_OPTIONS = { require_tld: false, require_protocol: true, allow_underscores: true };

/** A variable with the value `true` or `false`. */
export function Flag(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      value === 'true' ? true : value === 'false' ? false : value,
    ),
    IsBoolean({ message: '$property must be true or false' }),
  );
}

/** A variable with comma-separated values. A value with commas only becomes one empty item, which validation rejects. */
export function List(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => {
    if (typeof value !== 'string') return value;
    const items = value.split(',').map((item) => item.trim());
    const named = items.filter((item) => item !== '');
    return named.length > 0 ? named : [''];
  });
}

/** A variable with comma-separated role names. Normalizes them to NFC. */
export function Names(): PropertyDecorator {
  return applyDecorators(
    List(),
    Transform(({ value }: { value: unknown }) => inNfc(value)),
    Matches(NAME, { each: true, message: '$property must hold names of roles, or not be set' }),
  );
}
