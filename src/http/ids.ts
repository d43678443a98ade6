import { Injectable, type PipeTransform } from '@nestjs/common';
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { Matches } from 'class-validator';
import { InvalidInputError } from '../errors/domain-error.js';

const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
const BARE = new RegExp(`^${UUID}$`);

/** The kinds of resources with ids. A kind can prefix an id, as in `task-<uuid>`. */
export type IdKind = 'session' | 'task' | 'approval';

/** A parsed id: the UUID, and the kind in its prefix if it has one. */
export interface Reference {
  id: string;
  kind?: IdKind;
}

/** Parses an id that can have one of the prefixes; undefined if it is not an id. */
export function parseId(text: unknown, kinds: readonly IdKind[]): Reference | undefined {
  if (typeof text !== 'string') return undefined;
  const kind = kinds.find((prefix) => text.startsWith(`${prefix}-`));
  const id = kind === undefined ? text : text.slice(kind.length + 1);
  return BARE.test(id) ? { id: id.toLowerCase(), ...(kind && { kind }) } : undefined;
}

/** Returns an id with the prefix of its kind. */
export function withPrefix(kind: IdKind, id: string): string {
  return `${kind}-${id}`;
}

function idPipe<Result>(kinds: readonly IdKind[], pick: (reference: Reference) => Result) {
  @Injectable()
  class IdPipe implements PipeTransform<unknown, Result> {
    transform(value: unknown): Result {
      const reference = parseId(value, kinds);
      if (reference) return pick(reference);
      throw new InvalidInputError([
        {
          pointer: '/id',
          message: `The id in the path must be a UUID, bare or as ${kinds.map((kind) => `${kind}-<uuid>`).join(' or ')}`,
        },
      ]);
    }
  }
  return IdPipe;
}

/** Parses a task id in the path. */
export const TaskIdPipe = idPipe(['task'], ({ id }) => id);
/** Parses an approval id in the path. */
export const ApprovalIdPipe = idPipe(['approval'], ({ id }) => id);
/** Parses a session id in the path, or a task id, which stands for its latest attempt. */
export const SessionReferencePipe = idPipe(['session', 'task'], (reference) => reference);

/** Returns the pattern of an id with an optional prefix, for the OpenAPI document. */
export function idPattern(...kinds: IdKind[]): string {
  return `^(${kinds.map((kind) => `${kind}-`).join('|')})?${UUID}$`;
}

/** Validates an id, bare or with its prefix, and removes the prefix. */
export function IsId(kind: IdKind): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ pattern: idPattern(kind) }),
    Transform(({ value }: { value: unknown }) => parseId(value, [kind])?.id ?? value),
    Matches(BARE, { message: `$property must be a UUID, bare or as ${kind}-<uuid>` }),
  );
}
