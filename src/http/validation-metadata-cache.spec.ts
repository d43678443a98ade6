import { describe, expect, it, jest } from '@jest/globals';
import {
  getMetadataStorage,
  IsInt,
  IsString,
  MaxLength,
  registerDecorator,
  validateSync,
} from 'class-validator';
import { cacheValidationMetadata } from './validation-metadata-cache.js';

class Base {
  @IsString()
  name: unknown = 'abc';
}

class Derived extends Base {
  @IsInt({ groups: ['strict'] })
  amount: unknown = 1;

  @MaxLength(5)
  code: unknown = 'x';
}

/** The names of what is wrong. */
function wrong(object: object, groups?: string[]): string[] {
  return validateSync(object, { ...(groups && { groups }) }).map(({ property }) => property);
}

describe('The rules of a class', () => {
  it('are looked for once', () => {
    const storage = getMetadataStorage();
    const find = jest.spyOn(storage, 'getTargetValidationMetadatas');
    cacheValidationMetadata(storage);

    expect(wrong(Object.assign(new Base(), { name: 1 }))).toEqual(['name']);
    expect(wrong(new Base())).toEqual([]);
    expect(wrong(Object.assign(new Base(), { name: 2 }))).toEqual(['name']);
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('are those of the classes above it too, and of the groups that are asked for', () => {
    cacheValidationMetadata();
    const bad = Object.assign(new Derived(), { name: 1, amount: 'x', code: 'too long' });

    expect(wrong(bad).sort()).toEqual(['amount', 'code', 'name']);
    expect(wrong(bad, ['strict'])).toEqual(['amount']);
    expect(wrong(bad, ['other'])).toEqual([]);
    expect(wrong(bad).sort()).toEqual(['amount', 'code', 'name']);
  });

  it('are looked for again when one is added, to the class or to one above it', () => {
    cacheValidationMetadata();
    const bad = Object.assign(new Derived(), { late: 1 });
    expect(wrong(bad)).toEqual([]);

    registerDecorator({
      target: Base,
      propertyName: 'late',
      validator: { validate: () => false },
    });

    expect(wrong(bad)).toEqual(['late']);
  });
});
