import { Injectable, type PipeTransform } from '@nestjs/common';
import { InvalidInputError } from '../errors/domain-error.js';

/** Parses a position of the event log in the path. */
@Injectable()
export class PositionPipe implements PipeTransform<string, number> {
  transform(value: string): number {
    if (/^[1-9]\d{0,14}$/.test(value)) return Number(value);
    throw new InvalidInputError([
      { pointer: '/position', message: 'The position in the path must be a whole number from 1' },
    ]);
  }
}
