// Not all of Nest: the stdio server of an agent would start later for it.
import { applyDecorators } from '@nestjs/common/decorators/core/apply-decorators.js';
import { Transform } from 'class-transformer';
import { IsBoolean, IsInt, Matches, Max, Min } from 'class-validator';
import { inNfc, NAME } from '../common/names.js';

/** Of a URL in a variable. Hosts may be names that only a container network knows, such as `my_db`. */
export const URL_OPTIONS = { require_tld: false, require_protocol: true, allow_underscores: true };

/** A variable that holds a whole number within bounds, in plain decimal digits. */
export function WholeNumber(min: number, max: number): PropertyDecorator {
  const message = `$property must be a whole number from ${min} to ${max}`;
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value,
    ),
    IsInt({ message }),
    Min(min, { message }),
    Max(max, { message }),
  );
}

/** A variable that is `true` or `false`. */
export function Flag(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      value === 'true' ? true : value === 'false' ? false : value,
    ),
    IsBoolean({ message: '$property must be true or false' }),
  );
}

/** A variable that holds values separated by commas; one that is set and holds none has an empty one, to be refused. */
export function List(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => {
    if (typeof value !== 'string') return value;
    const items = value.split(',').map((item) => item.trim());
    const named = items.filter((item) => item !== '');
    return named.length > 0 ? named : [''];
  });
}

/** A variable that holds names of roles separated by commas, in NFC from here on. */
export function Names(): PropertyDecorator {
  return applyDecorators(
    List(),
    Transform(({ value }: { value: unknown }) => inNfc(value)),
    Matches(NAME, { each: true, message: '$property must hold names of roles, or not be set' }),
  );
}
