import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type InputProblem, InvalidInputError } from '../errors/domain-error.js';
import { isObject, withoutNulls } from './aliases.js';
import { normaliserOf } from './normalise.decorator.js';
import { escapePointer } from './shape.js';

/** Turns input into its DTO, or lists everything that is wrong with it; unknown members are wrong. */
@Injectable()
export class InputPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      transform: true,
      validationError: { target: false, value: false },
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'custom' || metadata.metatype === undefined) return value;
    const normalise = normaliserOf(metadata.metatype);
    const input = metadata.type === 'body' ? assertObject(value, metadata) : value;
    assertNothingInherited(input, prefixOf(metadata));
    try {
      return await super.transform(normalise ? normalise(input) : input, metadata);
    } catch (error) {
      if (Array.isArray(error)) throw new InvalidInputError(problemsOf(error, prefixOf(metadata)));
      throw error;
    }
  }

  override createExceptionFactory(): (errors?: ValidationError[]) => unknown {
    return (errors = []) => errors;
  }
}

function assertObject(value: unknown, { metatype }: ArgumentMetadata): unknown {
  if (metatype === Object || metatype === String) return value;
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

function prefixOf({ type }: ArgumentMetadata): string {
  return type === 'query' ? '?' : '/';
}

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
