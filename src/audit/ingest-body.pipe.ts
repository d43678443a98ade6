import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { type InputProblem, InvalidInputError } from '../errors/domain-error.js';
import { InputPipe } from '../http/input.pipe.js';
import { ReportedEventDto } from './dto/reported-event.dto.js';

/** Validates the body of `POST /audit/ingest`: one event, or an array of events. */
@Injectable()
export class IngestBodyPipe implements PipeTransform {
  private readonly input: InputPipe;

  constructor(environment: Environment) {
    this.input = new InputPipe(environment);
  }

  /** @throws InvalidInputError with the index of each invalid event in its pointer */
  transform(value: unknown, metadata: ArgumentMetadata): ReportedEventDto | ReportedEventDto[] {
    const one = (event: unknown): ReportedEventDto => {
      const dto = this.input.transform(event, { ...metadata, metatype: ReportedEventDto });
      if (!(dto instanceof ReportedEventDto)) throw new Error('The pipe returns the DTO');
      return dto;
    };
    if (!Array.isArray(value)) return one(value);
    if (value.length === 0) {
      throw new InvalidInputError([
        { pointer: '/', message: 'The array must have 1 to 1000 events' },
      ]);
    }
    return atEachIndex(value, one);
  }
}

/** Maps values, and adds the index of a value to the pointers of its problems. */
export function atEachIndex<T, R>(values: readonly T[], map: (value: T) => R): R[] {
  const problems: InputProblem[] = [];
  const results = values.flatMap((value, index) => {
    try {
      return [map(value)];
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      for (const problem of error.extras.errors ?? []) problems.push(atIndex(index, problem));
      return [];
    }
  });
  if (problems.length > 0) throw new InvalidInputError(problems.slice(0, MAX_PROBLEMS));
  return results;
}

const MAX_PROBLEMS = 100;

function atIndex(index: number, { pointer, message }: InputProblem): InputProblem {
  return {
    pointer: `/${index}${pointer === '/' ? '' : pointer}`,
    message: `${message} (event ${index})`,
  };
}
