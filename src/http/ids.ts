import { applyDecorators, Injectable, type PipeTransform } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { Matches } from 'class-validator';
import { type IdKind, idPattern, parseId, type Reference } from '../common/ids.js';
import { UUID } from '../common/uuid.js';
import { InvalidInputError } from '../errors/domain-error.js';

function idPipe<Result>(kinds: readonly IdKind[], pick: (reference: Reference) => Result) {
  @Injectable()
  class IdPipe implements PipeTransform<unknown, Result> {
    transform(value: unknown): Result {
      const reference = parseId(value, kinds);
      if (reference) return pick(reference);
      throw new InvalidInputError([
        {
          pointer: '/id',
          message: `The id in the path must be a UUID${prefixed(kinds)}`,
        },
      ]);
    }
  }
  return IdPipe;
}

function prefixed(kinds: readonly IdKind[]): string {
  const forms = kinds.map((kind) => `${kind}-<uuid>`);
  return forms.length === 0 ? '' : `, bare or as ${forms.join(' or ')}`;
}

/** Parses a task id in the path. */
export const TaskIdPipe = idPipe(['task'], ({ id }) => id);
/** Parses an approval id in the path. */
export const ApprovalIdPipe = idPipe(['approval'], ({ id }) => id);
/** Parses the id of an audit event in the path. */
export const EventIdPipe = idPipe([], ({ id }) => id);
/** Parses the id of a webhook in the path. */
export const WebhookIdPipe = idPipe([], ({ id }) => id);
/** Parses a session id in the path, or a task id, which stands for its latest attempt. */
export const SessionReferencePipe = idPipe(['session', 'task'], (reference) => reference);

/** Validates an id, bare or with its prefix, and removes the prefix. */
export function IsId(kind: IdKind): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ pattern: idPattern(kind) }),
    Transform(({ value }: { value: unknown }) => parseId(value, [kind])?.id ?? value),
    Matches(UUID, { message: `$property must be a UUID, bare or as ${kind}-<uuid>` }),
  );
}
