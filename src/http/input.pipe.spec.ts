import { describe, expect, it } from '@jest/globals';
import type { ArgumentMetadata } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import { DomainError } from '../errors/domain-error.js';
import { parseEnvironment } from '../config/parse-environment.js';
import { Normalised } from './normalise.decorator.js';
import { IsJsonObject } from './validators.js';
import { InputPipe } from './input.pipe.js';

class Inner {
  @IsInt({ message: '$property must be a whole number' })
  amount: number;

  @IsOptional()
  @IsString()
  unit: string = 'EUR';
}

class Outer {
  @IsString({ message: '$property must be a text' })
  @MaxLength(5, { message: '$property must be short' })
  name: string;

  @IsOptional()
  @ValidateNested({ message: '$property must be an object' })
  @Type(() => Inner)
  inner?: Inner;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Inner)
  inners?: Inner[];

  @IsOptional()
  @IsJsonObject()
  free?: Record<string, unknown>;
}

@Normalised((body) => ({ name: 'plain', ...(body as object) }))
class Tolerant extends Outer {}

const pipe = new InputPipe();
const BODY: ArgumentMetadata = { type: 'body', metatype: Outer };
const QUERY: ArgumentMetadata = { type: 'query', metatype: Outer };

function refusalOf(value: unknown, metadata = BODY): unknown {
  try {
    return pipe.transform(value, metadata);
  } catch (error) {
    return error;
  }
}

/** Everything that is wrong with an input. */
function problemsOf(value: unknown, metadata = BODY): unknown {
  const error = refusalOf(value, metadata);
  return error instanceof DomainError ? error.extras.errors : error;
}

describe('Input', () => {
  it('becomes its DTO', () => {
    const dto = pipe.transform({ name: 'abc', inner: { amount: 1 } }, BODY);

    expect(dto).toBeInstanceOf(Outer);
    expect(dto).toEqual({ name: 'abc', inner: { amount: 1, unit: 'EUR' } });
  });

  it.each<[value: unknown, problems: unknown]>([
    [
      undefined,
      [
        { pointer: '/name', message: 'name must be short' },
        { pointer: '/name', message: 'name must be a text' },
      ],
    ],
    [{ name: 'abcdef' }, [{ pointer: '/name', message: 'name must be short' }]],
    [
      { name: 'abc', inner: { amount: 'x' } },
      [{ pointer: '/inner/amount', message: 'amount must be a whole number' }],
    ],
    [{ name: 'abc', nmae: 1 }, [{ pointer: '/nmae', message: 'There is no such member' }]],
    [{ name: 'abc', 'a/b': 1 }, [{ pointer: '/a~1b', message: 'There is no such member' }]],
    [{ name: 'abc', toString: 1 }, [{ pointer: '/toString', message: 'There is no such member' }]],
    [
      { name: 'abc', inner: { amount: 1, hunter2: 1 } },
      [{ pointer: '/inner/hunter2', message: 'There is no such member' }],
    ],
    [[], [{ pointer: '/', message: 'The body must be a JSON object' }]],
    [null, [{ pointer: '/', message: 'The body must be a JSON object' }]],
    ['x', [{ pointer: '/', message: 'The body must be a JSON object' }]],
  ])('is refused with all that is wrong: %j', (value, problems) => {
    expect(problemsOf(value)).toEqual(problems);
  });

  it('of a query points to its parameter', () => {
    expect(problemsOf({ name: 'abc', page: '1' }, QUERY)).toEqual([
      { pointer: '?page', message: 'There is no such member' },
    ]);
  });

  it('may leave out a member by calling it null', () => {
    expect(pipe.transform({ name: 'abc', inner: null }, BODY)).toEqual({ name: 'abc' });
  });

  it('may leave out a member of a member so, too, and then has its default', () => {
    const value = {
      name: 'abc',
      inner: { amount: 1, unit: null },
      inners: [{ amount: 2, unit: null }],
    };

    expect(pipe.transform(value, BODY)).toEqual({
      name: 'abc',
      inner: { amount: 1, unit: 'EUR' },
      inners: [{ amount: 2, unit: 'EUR' }],
    });
  });

  it('lacks a required member that is null', () => {
    expect(problemsOf({ name: 'abc', inner: { amount: null } })).toEqual([
      { pointer: '/inner/amount', message: 'amount must be a whole number' },
    ]);
  });

  it('keeps the nulls of a JSON object of the caller', () => {
    const free = { a: null, toString: 1, b: { valueOf: null } };

    expect(pipe.transform({ name: 'abc', free }, BODY)).toEqual({ name: 'abc', free });
  });

  it.each(Object.getOwnPropertyNames(Object.prototype))('never has a member %s', (name) => {
    const members = JSON.parse(`{ "amount": 1, ${JSON.stringify(name)}: 1 }`) as object;
    const message = 'There is no such member';

    expect(problemsOf({ name: 'abc', inner: members })).toEqual([
      { pointer: `/inner/${name}`, message },
    ]);
    expect(problemsOf({ name: 'abc', inners: [members] })).toEqual([
      { pointer: `/inners/0/${name}`, message },
    ]);
    expect(problemsOf(members)).toEqual([{ pointer: `/${name}`, message }]);
  });

  it('with LEGACY_V04=false is not normalised, and a near name is suggested', () => {
    const strict = new InputPipe(parseEnvironment({ LEGACY_V04: 'false' }, []));
    const refusal = (value: unknown): unknown => {
      try {
        return strict.transform(value, { type: 'body', metatype: Tolerant });
      } catch (error) {
        return error instanceof DomainError ? error.extras.errors : error;
      }
    };

    expect(
      refusal({ nmae: 'abc', name: 'abc', inner: { amuont: 1, amount: 1, other: 1 } }),
    ).toEqual(
      expect.arrayContaining([
        { pointer: '/nmae', message: 'There is no such member; did you mean "name"?' },
        { pointer: '/inner/amuont', message: 'There is no such member; did you mean "amount"?' },
        { pointer: '/inner/other', message: 'There is no such member' },
      ]),
    );
    expect(refusal({})).toContainEqual({ pointer: '/name', message: 'name must be a text' });
  });

  it('is normalised before it is validated', () => {
    expect(pipe.transform({}, { type: 'body', metatype: Tolerant })).toEqual({
      name: 'plain',
    });
  });

  it('of a custom parameter is left alone', () => {
    const value = { anything: 1 };

    expect(pipe.transform(value, { type: 'custom', metatype: Outer })).toBe(value);
    expect(pipe.transform(value, { type: 'body' })).toBe(value);
  });

  it('never shows up in the answer', () => {
    const error = refusalOf({ name: 'hunter2', x: 'hunter2', inner: 'hunter2' });

    expect(error).toBeInstanceOf(DomainError);
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });
});
