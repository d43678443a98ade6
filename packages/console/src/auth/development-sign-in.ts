import { createClient } from '@agent-mesh/client';
import { BASE_URL } from '../api/addresses';
import { session } from './session';

/** Development tokens stay in the tab, so that a reload does not ask for the role again. Others stay in memory. */
const STORED = 'agent-mesh.development-token';

/**
 * Gets a development token for roles and signs in with it.
 *
 * @throws ProblemError
 */
export async function signInForDevelopment(roles: readonly string[], name: string): Promise<void> {
  const { body } = await createClient({ baseUrl: BASE_URL, maxRetries: 0 }).request({
    method: 'POST',
    path: '/console/development-token',
    body: { roles, ...(name !== '' && { name }) },
  });
  const { token } = body as { token: string };
  await session.signIn(token);
  sessionStorage.setItem(STORED, token);
}

/** Signs in with the development token of the tab. Returns whether there was a valid one. */
export async function restoreDevelopmentSession(): Promise<boolean> {
  const token = sessionStorage.getItem(STORED);
  if (token === null) return false;
  try {
    await session.signIn(token);
    return true;
  } catch {
    forgetDevelopmentSession();
    return false;
  }
}

export function forgetDevelopmentSession(): void {
  sessionStorage.removeItem(STORED);
}
