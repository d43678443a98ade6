import { newSubject, TEST_SECRET } from './app.js';
import { Client } from './client.js';
import { signedToken } from './signed-token.js';

/** A caller whose token is valid for a process with a shifted clock: that clock judges the times of tokens. */
export function shiftedCaller(
  url: string,
  shiftSeconds: number,
  role: string,
  sub = newSubject(role),
): Client {
  const iat = Math.floor(Date.now() / 1000) + shiftSeconds;
  const claims = { iss: 'agent-mesh-dev', sub, role, roles: [role], iat, exp: iat + 600 };
  return new Client(url, signedToken({ alg: 'HS256', typ: 'JWT' }, claims, TEST_SECRET));
}

/** A time as many minutes from now, by a clock that is right. */
export function inMinutes(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString();
}
