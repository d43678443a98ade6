import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { listPolicyRoutes, type PolicyRoute } from '../../src/auth/policy-routes.js';

/** Lists the routes of an application, without the handler that refuses other methods of `/mcp`. */
export function routesOf(app: INestApplicationContext): PolicyRoute[] {
  return listPolicyRoutes(app.get(ModulesContainer)).filter(({ name }) => name !== 'ALL /mcp');
}
