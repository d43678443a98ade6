import { type INestApplicationContext, RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { POLICY_KEY } from '../../src/auth/policy.decorator.js';
import type { Action } from '../../src/auth/policy.js';
import { IS_PUBLIC } from '../../src/auth/public.decorator.js';

export interface PolicyRoute {
  /** Method and path, such as `GET /tasks/:id`. */
  readonly name: string;
  readonly action: Action | undefined;
  readonly isPublic: boolean;
}

/** Lists the routes of all controllers from their metadata, without the handler that refuses other methods of `/mcp`. */
export function listPolicyRoutes(app: INestApplicationContext): PolicyRoute[] {
  const reflector = new Reflector();
  return [...app.get(ModulesContainer).values()]
    .flatMap((module) => [...module.controllers.values()])
    .flatMap(({ metatype }) => routesOf(metatype as Type, reflector))
    .filter(({ name }) => name !== 'ALL /mcp');
}

function routesOf(controller: Type, reflector: Reflector): PolicyRoute[] {
  const prototype = controller.prototype as Record<string, () => unknown>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const path: unknown = handler && Reflect.getMetadata(PATH_METADATA, handler);
    if (!handler || typeof path !== 'string') return [];
    const targets = [handler, controller];
    const method = RequestMethod[Number(Reflect.getMetadata(METHOD_METADATA, handler))];
    const whole = `/${String(Reflect.getMetadata(PATH_METADATA, controller))}/${path}`;
    return {
      name: `${method ?? '?'} ${whole.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')}`,
      action: reflector.getAllAndOverride<Action | undefined>(POLICY_KEY, targets),
      isPublic: reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets) ?? false,
    };
  });
}
