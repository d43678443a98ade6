import { type ClientOptions, createClient, type MeshClient } from '@agent-mesh/client';
import { newSubject, type TestApp, tokenFor } from './app.js';

/** A client of the package for an agent with these roles. */
export function meshClient(
  mesh: Pick<TestApp, 'url'>,
  roles: string | readonly string[],
  options: Partial<ClientOptions> & { sub?: string } = {},
): MeshClient {
  const { sub = newSubject('agent'), ...more } = options;
  const hasToken = more.getToken !== undefined || more.token !== undefined;
  return createClient({
    baseUrl: mesh.url,
    ...(!hasToken && { token: tokenFor(roles, sub) }),
    ...more,
  });
}

/** A fetch that runs `before` and `after` each request of a method and a path. Either can replace the response. */
export function interceptingFetch(
  isMatch: (request: string) => boolean,
  hooks: {
    before?: () => Response | undefined | Promise<Response | undefined>;
    after?: (response: Response) => Response | Promise<Response>;
  },
): typeof fetch {
  return async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    if (!isMatch(`${init?.method ?? 'GET'} ${pathname}`)) return fetch(input, init);
    const instead = await hooks.before?.();
    if (instead) return instead;
    const response = await fetch(input, init);
    return hooks.after ? hooks.after(response) : response;
  };
}
