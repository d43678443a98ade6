import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Express } from 'express';
import type { PolicyRoute } from '../../../src/auth/policy-routes.js';
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
import { routesOf } from '../../support/policy-routes.js';

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

describe('policy', () => {
  const mesh = useSharedApp();
  let routes: PolicyRoute[];

  beforeAll(() => {
    routes = routesOf(mesh.app);
  });

  function actionsOf({ name, policy }: PolicyRoute): readonly Action[] {
    if (!policy) throw new Error(`${name} has no policy`);
    return policy.actions;
  }

  /** The rule of a call: that of the action which the recipe names, else of the only action of the route. */
  function ruleOf(name: string, { action }: Recipe): Rule {
    const actions = routes.filter((route) => route.name === name).flatMap(actionsOf);
    const [only, ...others] = actions.filter((one) => action === undefined || one === action);
    if (only === undefined || others.length > 0) throw new Error(`${name}: name one action`);
    return POLICY[only];
  }

  describe('every route', () => {
    it('names actions of the policy', () => {
      expect(routes.length).toBeGreaterThan(0);
      for (const route of routes) {
        const actions = actionsOf(route);
        expect(actions.length).toBeGreaterThan(0);
        expect(Object.keys(POLICY)).toEqual(expect.arrayContaining([...actions]));
      }
    });

    it('is public only if the policy says so', () => {
      for (const route of routes) {
        const isPublic = actionsOf(route).every((action) => POLICY[action] === 'public');
        expect({ ...route, isPublic: route.policy?.isPublic }).toEqual({ ...route, isPublic });
      }
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

    it('is called here with each of its actions', () => {
      for (const route of routes.filter((one) => actionsOf(one).length > 1)) {
        const called = (RECIPES[route.name] ?? []).map(({ action }) => action);
        expect(new Set(called)).toEqual(new Set(actionsOf(route)));
      }
    });
  });

  it('every action of the policy is used by a route', () => {
    // The routes of A2A exist only with A2A_ROLES: a2a/access.spec.ts.
    const inUse = [...routes.flatMap(actionsOf), 'a2a.call', 'a2a.discover'];
    expect(new Set(inUse)).toEqual(new Set(Object.keys(POLICY)));
  });

  describe.each(Object.keys(RECIPES))('%s', (name) => {
    const cases = (RECIPES[name] ?? []).flatMap((recipe, index) =>
      PERSONAS.map((persona) => ({ persona, recipe, thing: recipe.thing, index })),
    );

    it.each(cases)('$persona, $thing ($index)', async ({ persona, recipe }) => {
      const rule = ruleOf(name, recipe);
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
