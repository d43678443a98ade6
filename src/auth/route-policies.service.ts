import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { RoutePolicy } from './policy.decorator.js';
import { listPolicyRoutes } from './policy-routes.js';

/** The policies of all routes. The application does not start if a route has none. */
@Injectable()
export class RoutePoliciesService {
  private readonly policies: ReadonlyMap<string, RoutePolicy>;

  /** @throws Error that names the routes without `@Policy()` */
  constructor(modules: ModulesContainer) {
    const routes = listPolicyRoutes(modules);
    const missing = routes.filter(({ policy }) => policy === undefined).map(({ name }) => name);
    if (missing.length > 0) throw new Error(`Routes without @Policy(): ${missing.join(', ')}`);
    this.policies = new Map(
      routes.flatMap(({ name, policy }) =>
        policy ? [[name.replaceAll(/[:*](\w+)/g, '{$1}'), policy] as const] : [],
      ),
    );
  }

  /**
   * Returns the policy of a route.
   *
   * @param route method and path, such as `GET /tasks/{id}`
   * @throws Error if there is no such route
   */
  get(route: string): RoutePolicy {
    const policy = this.policies.get(route);
    if (!policy) throw new Error(`There is no route ${route}`);
    return policy;
  }
}
