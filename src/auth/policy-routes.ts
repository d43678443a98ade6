import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, type ModulesContainer, Reflector } from '@nestjs/core';
import { POLICY_KEY, type RoutePolicy } from './policy.decorator.js';

/** A route of a controller, and its policy. */
export interface PolicyRoute {
  /** Method and path, such as `GET /tasks/:id`. */
  readonly name: string;
  readonly policy: RoutePolicy | undefined;
}

/** Lists the routes of all controllers from their metadata. */
export function listPolicyRoutes(modules: ModulesContainer): PolicyRoute[] {
  return [...modules.values()]
    .flatMap((module) => [...module.controllers.values()])
    .flatMap(({ metatype }) => routesOf(metatype as Type));
}

function routesOf(controller: Type): PolicyRoute[] {
  const reflector = new Reflector();
  const prototype = controller.prototype as Record<string, () => unknown>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const path: unknown = handler && Reflect.getMetadata(PATH_METADATA, handler);
    if (!handler || typeof path !== 'string') return [];
    const method = RequestMethod[Number(Reflect.getMetadata(METHOD_METADATA, handler))] ?? '?';
    const whole = `/${String(Reflect.getMetadata(PATH_METADATA, controller))}/${path}`;
    const targets = [handler, controller];
    return {
      name: `${method} ${whole.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')}`,
      policy: reflector.getAllAndOverride<RoutePolicy | undefined>(POLICY_KEY, targets),
    };
  });
}
