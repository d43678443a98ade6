import { type ArgumentMetadata, Injectable, Optional, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, type ValidationError, validateSync } from 'class-validator';
import { closestName } from '../common/closest-name.js';
import { Environment } from '../config/environment.js';
import { type InputProblem, InvalidInputError } from '../errors/domain-error.js';
import { isRecord } from '../common/is-record.js';
import { withoutNullMembers } from './aliases.js';
import {
  inheritedMemberNames,
  isTidy,
  UNKNOWN_MEMBER,
  withoutNullNestedMembers,
} from './nested-members.js';
import { normaliserOf, repairOf } from './normalise.decorator.js';
import { escapePointer } from './json-limits.js';
import { keepWarnings, type WarningDto } from './warnings.js';

const STRICT = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: false,
  validationError: { target: true, value: false },
};

/**
 * Validates a body or query and returns its DTO. Unknown members are errors. Asynchronous rules are not supported.
 *
 * The pipe of Nest would also search the input for values that JSON cannot contain, and for names that are already
 * refused.
 */
@Injectable()
export class InputPipe implements PipeTransform {
  private readonly legacy: boolean;
  /** DTOs of queries that are valid without any parameter. */
  private readonly validWhenEmpty = new WeakSet<Dto>();

  constructor(@Optional() environment?: Environment) {
    this.legacy = environment?.LEGACY_V04 ?? true;
  }

  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if ((type !== 'body' && type !== 'query') || !isDto(metatype)) return value;
    const isEmptyQuery = type === 'query' && isRecord(value) && Object.keys(value).length === 0;
    if (isEmptyQuery && this.validWhenEmpty.has(metatype)) return new metatype();
    const prefix = type === 'body' ? '/' : '?';
    const warnings: WarningDto[] = [];
    const input =
      type === 'body' ? this.bodyOf(value, metatype, (warning) => warnings.push(warning)) : value;
    if (!isRecord(input) || !isTidy(input, metatype)) {
      const inherited = inheritedMemberNames(input, metatype, prefix);
      if (inherited.length > 0) throw new InvalidInputError(inherited);
    }
    const dto = plainToInstance(metatype, input);
    const errors = validateSync(dto, STRICT);
    if (errors.length > 0) {
      const describe = this.legacy ? unknownMember : unknownMemberOf;
      throw new InvalidInputError(problemsOf(errors, prefix, describe));
    }
    if (isEmptyQuery) this.validWhenEmpty.add(metatype);
    keepWarnings(dto, warnings);
    return dto;
  }

  private bodyOf(value: unknown, dto: Dto, warn: (warning: WarningDto) => void): unknown {
    const members = assertObject(value);
    const normalise = this.legacy ? normaliserOf(dto) : undefined;
    const normal = normalise ? normalise(withoutNullMembers(members), warn) : members;
    const repair = repairOf(dto);
    const body = repair ? repair(normal) : normal;
    if (!isRecord(body) || isTidy(body, dto)) return body;
    const inherited = Object.keys(body).filter((name) => name in Object.prototype);
    if (inherited.length > 0) {
      throw new InvalidInputError(
        inherited.map((name) => ({ pointer: `/${name}`, message: UNKNOWN_MEMBER })),
      );
    }
    return withoutNullNestedMembers(body, dto);
  }
}

type Dto = new () => object;

function isDto(metatype: ArgumentMetadata['metatype']): metatype is Dto {
  return metatype !== undefined && metatype !== Object && metatype !== String;
}

function assertObject(value: unknown): Record<string, unknown> {
  if (isRecord(value)) return value;
  if (value === undefined) return {};
  throw new InvalidInputError([{ pointer: '/', message: 'The body must be a JSON object' }]);
}

function problemsOf(
  errors: readonly ValidationError[],
  prefix: string,
  describe: Description,
): InputProblem[] {
  return errors.flatMap(({ property, constraints, children, target }) => {
    const pointer = `${prefix}${escapePointer(property)}`;
    const messages = Object.entries(constraints ?? {}).map(([rule, message]) =>
      rule === 'whitelistValidation' ? describe(property, target) : message,
    );
    const own = [...new Set(messages)].map((message) => ({ pointer, message }));
    return [...own, ...problemsOf(children ?? [], `${pointer}/`, describe)];
  });
}

/** Returns the message for an unknown member. */
type Description = (name: string, dto: object | undefined) => string;

const unknownMember: Description = () => UNKNOWN_MEMBER;

const unknownMemberOf: Description = (name, dto) => {
  const rules = dto
    ? getMetadataStorage().getTargetValidationMetadatas(dto.constructor, '', false, false)
    : [];
  const known = closestName(name, [...new Set(rules.map(({ propertyName }) => propertyName))]);
  return known === undefined ? UNKNOWN_MEMBER : `${UNKNOWN_MEMBER}; did you mean "${known}"?`;
};
