import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Request } from 'express';
import { InvalidInputError } from '../errors/domain-error.js';
import { isProbe } from '../observability/probes.js';
import { escapePointer } from './json-limits.js';
import { UNKNOWN_MEMBER } from './nested-members.js';

/** Refuses query parameters on routes without any: `POST /tasks/route?dry_run=true` must not route a task. */
@Injectable()
export class NoQueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    if (!request.url.includes('?')) return true;
    const { query } = request;
    const names = Object.keys(query);
    if (names.length === 0 || isProbe(request) || takesQuery(context)) return true;
    throw new InvalidInputError(
      names.map((name) => ({ pointer: `?${escapePointer(name)}`, message: UNKNOWN_MEMBER })),
    );
  }
}

/** Whether the handler has a parameter `@Query()`. Nest stores parameters under `<kind>:<index>`. */
function takesQuery(context: ExecutionContext): boolean {
  const parameters: unknown = Reflect.getMetadata(
    ROUTE_ARGS_METADATA,
    context.getClass(),
    context.getHandler().name,
  );
  return Object.keys(parameters ?? {}).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`));
}
