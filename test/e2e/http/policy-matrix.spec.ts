import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Express } from 'express';
import { type Action, POLICY, type Relation, type Rule } from '../../../src/auth/policy.js';
import type { Answer } from '../../support/client.js';
import { useSharedApp } from '../../support/kit.js';
import {
  newWorld,
  type Persona,
  PERSONAS,
  RECIPES,
  type Recipe,
  RELATIONS,
  STAFF,
} from '../../support/policy-calls.js';
import { listPolicyRoutes, type PolicyRoute } from '../../support/policy-routes.js';

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

describe('policy', () => {
  const mesh = useSharedApp();
  let routes: PolicyRoute[];

  beforeAll(() => {
    routes = listPolicyRoutes(mesh.app);
  });

  function ruleOf(action: Action | undefined): Rule {
    if (action === undefined) throw new Error('the route names no action');
    return POLICY[action];
  }

  describe('every route', () => {
    it('names an action of the policy', () => {
      expect(routes.length).toBeGreaterThan(0);
      expect(routes.filter(({ action }) => action === undefined || !(action in POLICY))).toEqual(
        [],
      );
    });

    it('is public only if the policy says so', () => {
      for (const { name, action, isPublic } of routes)
        expect({ name, isPublic }).toEqual({ name, isPublic: ruleOf(action) === 'public' });
    });

    it('of the server belongs to a controller, except the API docs', () => {
      const server: Express = mesh.app.getHttpAdapter().getInstance();
      const served = (server.router.stack as unknown as Layer[]).flatMap(({ route }) =>
        Object.keys(route?.methods ?? {}).map(
          (method) => `${method.toUpperCase()} ${route?.path ?? ''}`,
        ),
      );
      const others = served.filter((name) => !/ \/(api-)?docs\b/.test(name));
      // Every other method of /mcp is refused by one handler: mcp/http.spec.ts.
      const refused = others.filter((name) => / \/mcp$/.test(name) && name !== 'POST /mcp');
      expect(refused).toContain('GET /mcp');
      expect(new Set(others.filter((name) => !refused.includes(name)))).toEqual(
        new Set(routes.map(({ name }) => name)),
      );
    });

    it('is called here', () => {
      expect(Object.keys(RECIPES).sort()).toEqual(routes.map(({ name }) => name).sort());
    });
  });

  it('every action of the policy is used by a route', () => {
    expect(new Set(routes.map(({ action }) => action))).toEqual(new Set(Object.keys(POLICY)));
  });

  describe.each(Object.keys(RECIPES))('%s', (name) => {
    const cases = (RECIPES[name] ?? []).flatMap((recipe, index) =>
      PERSONAS.map((persona) => ({ persona, recipe, thing: recipe.thing, index })),
    );

    it.each(cases)('$persona, $thing ($index)', async ({ persona, recipe }) => {
      const rule = ruleOf(routes.find((route) => route.name === name)?.action);
      const world = await newWorld(mesh);
      const answer = await recipe.call(world, world.callers[persona]);
      expect(outcomeOf(answer)).toBe(expected(rule, persona, recipe));
    });
  });
});

/** The outcome that the policy gives a call. */
function expected(rule: Rule, persona: Persona, recipe: Recipe): string {
  if (rule === 'public') return 'done';
  if (persona === 'missing token') return 'refused with 401';
  if (rule === 'agent') return 'done';
  const relations = [...(RELATIONS[recipe.thing][persona] ?? []), ...(STAFF[persona] ?? [])];
  const isOneOf = (list: readonly Relation[]) => list.some((one) => relations.includes(one));
  if (isOneOf(rule.allow)) return recipe.conflicts?.[persona] ?? 'done';
  return `refused with ${isOneOf(rule.visibleTo) ? 403 : (recipe.hidden ?? 404)}`;
}

function outcomeOf({ status, body }: Answer): string {
  if (status >= 200 && status < 300) return 'done';
  return status === 409 ? String(body.code) : `refused with ${status}`;
}
