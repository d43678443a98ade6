import { Injectable, type PipeTransform } from '@nestjs/common';
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { Matches } from 'class-validator';
import { InvalidInputError } from '../errors/domain-error.js';

const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
const BARE = new RegExp(`^${UUID}$`);

/** The kinds of things that have ids; each may stand before an id, as in `task-<uuid>`. */
export type IdKind = 'session' | 'task' | 'approval';

/** An id as a caller wrote it: the UUID, and the kind its prefix names, if it has one. */
export interface Reference {
  id: string;
  kind?: IdKind;
}

/** Reads an id that may carry one of the prefixes; undefined when it is no id. */
export function parseId(text: unknown, kinds: readonly IdKind[]): Reference | undefined {
  if (typeof text !== 'string') return undefined;
  const kind = kinds.find((prefix) => text.startsWith(`${prefix}-`));
  const id = kind === undefined ? text : text.slice(kind.length + 1);
  return BARE.test(id) ? { id: id.toLowerCase(), ...(kind && { kind }) } : undefined;
}

/** The id as acknowledgements write it. */
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
        { pointer: '/id', message: 'The id in the path must be a UUID, bare or with its prefix' },
      ]);
    }
  }
  return IdPipe;
}

/** A task's id in the path. */
export const TaskIdPipe = idPipe(['task'], ({ id }) => id);
/** An approval's id in the path. */
export const ApprovalIdPipe = idPipe(['approval'], ({ id }) => id);
/** A session's id in the path, or a task's where that stands for its highest attempt. */
export const SessionReferencePipe = idPipe(['session', 'task'], (reference) => reference);

/** The pattern of an id that may carry one of the prefixes, for the document of the API. */
export function idPattern(...kinds: IdKind[]): string {
  return `^(${kinds.map((kind) => `${kind}-`).join('|')})?${UUID}$`;
}

/** A member or query parameter that holds an id, bare or prefixed; it arrives bare. */
export function IsId(kind: IdKind): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ pattern: idPattern(kind) }),
    Transform(({ value }: { value: unknown }) => parseId(value, [kind])?.id ?? value),
    Matches(BARE, { message: `$property must be a UUID, bare or as ${kind}-<uuid>` }),
  );
}
