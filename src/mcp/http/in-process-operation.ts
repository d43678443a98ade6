import type { Type } from '@nestjs/common';
import type { OperationDtos, OperationName } from '../tools/operations.js';
import type { Agent } from '../../auth/agent.js';
import { ApprovalIdPipe, SessionReferencePipe, TaskIdPipe } from '../../http/ids.js';
import type { PauseNotice } from '../../roles/pause-notice.js';
import type { InputPipe } from '../../http/input.pipe.js';

/** A request to an operation, before validation. */
export interface InProcessCall {
  agent: Agent;
  /** The id in the path. */
  id: string;
  body: unknown;
  query: unknown;
  /** Validates the body and the query. */
  input: InputPipe;
  /** Aborted when the client no longer waits for the response. */
  gone: AbortSignal;
}

/** The result of an operation that has no content, with the pause of the role if it is paused. */
export class EmptyResult {
  constructor(readonly pause: PauseNotice | null) {}
}

/** The operation of a route, without HTTP. */
export interface InProcessOperation<Name extends OperationName = OperationName> {
  /** HTTP status of success. A result that is empty has status 204. */
  status: number;
  run(call: InProcessCall): Promise<OperationDtos[Name]['response'] | EmptyResult>;
}

export type InProcessOperations = { [Name in OperationName]?: InProcessOperation<Name> };

const taskId = new TaskIdPipe();
const approvalId = new ApprovalIdPipe();
const sessionReference = new SessionReferencePipe();

/** Validates the body as over HTTP and returns its DTO. */
export function bodyAs<T extends object>(dto: Type<T>, { body, input }: InProcessCall): Promise<T> {
  return inputAs(input, dto, body, 'body');
}

/** Validates the query as over HTTP and returns its DTO. */
export function queryAs<T extends object>(
  dto: Type<T>,
  { query, input }: InProcessCall,
): Promise<T> {
  return inputAs(input, dto, query, 'query');
}

async function inputAs<T extends object>(
  input: InputPipe,
  dto: Type<T>,
  value: unknown,
  type: 'body' | 'query',
): Promise<T> {
  const made = await input.transform(value, { type, metatype: dto });
  if (made instanceof dto) return made;
  throw new Error(`the validation returned no ${dto.name}`);
}

export function taskIdOf({ id }: InProcessCall) {
  return taskId.transform(id);
}

export function approvalIdOf({ id }: InProcessCall) {
  return approvalId.transform(id);
}

export function sessionReferenceOf({ id }: InProcessCall) {
  return sessionReference.transform(id);
}
