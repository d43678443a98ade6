import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validateSync } from 'class-validator';
import { type InputProblem, InvalidInputError } from '../errors/domain-error.js';
import { isObject, withoutNulls } from './aliases.js';
import { normaliserOf } from './normalise.decorator.js';
import { rememberRules } from './remembered-rules.js';
import { escapePointer } from './shape.js';

const STRICT = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: false,
  validationError: { target: false, value: false },
};

/**
 * Turns input into its DTO, or lists everything that is wrong with it; unknown members are wrong. A rule that would have
 * to wait is not asked.
 *
 * Nest's own pipe would also look through all of it for what JSON cannot hold, and for names that are refused before.
 */
@Injectable()
export class InputPipe implements PipeTransform {
  constructor() {
    rememberRules();
  }

  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if ((type !== 'body' && type !== 'query') || !isDto(metatype)) return value;
    const prefix = type === 'body' ? '/' : '?';
    const input = type === 'body' ? assertObject(value) : value;
    assertNothingInherited(input, prefix);
    const normalise = normaliserOf(metatype);
    const dto = plainToInstance(metatype, normalise ? normalise(input) : input);
    const errors = validateSync(dto, STRICT);
    if (errors.length > 0) throw new InvalidInputError(problemsOf(errors, prefix));
    return dto;
  }
}

type Dto = new () => object;

function isDto(metatype: ArgumentMetadata['metatype']): metatype is Dto {
  return metatype !== undefined && metatype !== Object && metatype !== String;
}

function assertObject(value: unknown): unknown {
  if (isObject(value)) return withoutNulls(value);
  if (value === undefined) return {};
  throw new InvalidInputError([{ pointer: '/', message: 'The body must be a JSON object' }]);
}

/** The validator takes what every object inherits, such as `toString`, for members that it knows. */
function assertNothingInherited(input: unknown, prefix: string): void {
  if (!isObject(input)) return;
  const problems = Object.keys(input)
    .filter((name) => name in Object.prototype)
    .map((name) => ({ pointer: `${prefix}${name}`, message: UNKNOWN_MEMBER }));
  if (problems.length > 0) throw new InvalidInputError(problems);
}

export const UNKNOWN_MEMBER = 'There is no such member';

function problemsOf(errors: readonly ValidationError[], prefix: string): InputProblem[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const pointer = `${prefix}${escapePointer(property)}`;
    const messages = Object.entries(constraints ?? {}).map(([rule, message]) =>
      rule === 'whitelistValidation' ? UNKNOWN_MEMBER : message,
    );
    const own = [...new Set(messages)].map((message) => ({ pointer, message }));
    return [...own, ...problemsOf(children ?? [], `${pointer}/`)];
  });
}
