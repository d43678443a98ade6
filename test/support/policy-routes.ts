import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { listPolicyRoutes, type PolicyRoute } from '../../src/auth/policy-routes.js';

/** The handlers that refuse other methods. */
const REFUSING = ['ALL /mcp', 'ALL /a2a/:role'];

/** Lists the routes of an application, without the handlers that refuse other methods. */
export function routesOf(app: INestApplicationContext): PolicyRoute[] {
  return listPolicyRoutes(app.get(ModulesContainer)).filter(({ name }) => !REFUSING.includes(name));
}
