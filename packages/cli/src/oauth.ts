import { setTimeout as sleep } from 'node:timers/promises';
import { CredentialsError, OidcProvider } from '@agent-mesh/client';
import type { DeviceTokens } from './credentials-store.js';
import { CliError } from './failure.js';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** RFC 8628 section 3.2: the interval if the response has none, and section 3.5: what `slow_down` adds. */
const INTERVAL_SECONDS = 5;
const REQUEST_MS = 10_000;
/** Lifetime of a token whose response does not contain it. */
const DEFAULT_SECONDS = 60;

/** A code that a person enters on a page of the identity provider. */
export interface DeviceCode {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | undefined;
  readonly expiresInSeconds: number;
}

export interface DeviceLogin {
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
}

/**
 * Signs a person in by the device authorization grant (RFC 8628).
 *
 * @param announce shows the code to the person
 * @throws CliError or CredentialsError
 */
export async function deviceLogin(
  { issuer, clientId, scope }: DeviceLogin,
  announce: (code: DeviceCode) => void,
): Promise<DeviceTokens> {
  const { tokenEndpoint, deviceAuthorizationEndpoint } = await new OidcProvider({
    issuer,
  }).metadata();
  if (deviceAuthorizationEndpoint === undefined)
    throw new CliError(
      'mesh.device_flow_unsupported',
      `${issuer} has no device_authorization_endpoint. Use mesh login --token-file, or --client-id with a secret.`,
    );
  const { status, body } = await post(deviceAuthorizationEndpoint, { client_id: clientId, scope });
  const deviceCode = textOf(body.device_code);
  if (status !== 200 || deviceCode === undefined) throw refused(body);
  announce({
    userCode: textOf(body.user_code) ?? '',
    verificationUri: textOf(body.verification_uri) ?? '',
    verificationUriComplete: textOf(body.verification_uri_complete),
    expiresInSeconds: Number(body.expires_in),
  });
  const deadline = Date.now() + Number(body.expires_in) * 1000;
  let seconds = Number(body.interval) || INTERVAL_SECONDS;
  while (Date.now() < deadline) {
    await sleep(seconds * 1000);
    const answer = await poll(tokenEndpoint, clientId, deviceCode);
    if (answer === 'slow_down') seconds += INTERVAL_SECONDS;
    else if (answer !== 'pending') return answer;
  }
  throw new CliError(
    'mesh.login_expired',
    'The code was not confirmed in time. Run mesh login again.',
  );
}

/** Sends the refresh token. The identity provider may replace it. */
export async function refreshTokens(
  issuer: string,
  clientId: string,
  refreshToken: string,
): Promise<DeviceTokens> {
  const { tokenEndpoint } = await new OidcProvider({ issuer }).metadata();
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId };
  const { status, body } = await post(tokenEndpoint, form);
  if (status !== 200) throw loginAgain(reasonOf(body));
  return { refreshToken, ...toTokens(body) };
}

export function loginAgain(reason: string): CredentialsError {
  return new CredentialsError(
    'mesh.login_required',
    `The login cannot be renewed (${reason}). Run mesh login.`,
  );
}

type Json = Readonly<Record<string, unknown>>;

async function poll(
  tokenEndpoint: string,
  client_id: string,
  device_code: string,
): Promise<DeviceTokens | 'pending' | 'slow_down'> {
  const form = { grant_type: DEVICE_GRANT, device_code, client_id };
  // RFC 8628 section 3.5: after a network error the client sends less often.
  const answer = await post(tokenEndpoint, form).catch(() => undefined);
  if (answer === undefined || answer.status >= 500) return 'slow_down';
  const { status, body } = answer;
  if (status === 200) return toTokens(body);
  if (body.error === 'authorization_pending') return 'pending';
  if (body.error === 'slow_down') return 'slow_down';
  if (body.error === 'expired_token')
    throw new CliError('mesh.login_expired', 'The code has expired. Run mesh login again.');
  throw refused(body);
}

function refused(body: Json): CliError {
  return new CliError(
    'mesh.login_refused',
    `The identity provider refused the login (${reasonOf(body)}).`,
  );
}

function toTokens(body: Json): DeviceTokens {
  const accessToken = textOf(body.access_token);
  if (accessToken === undefined)
    throw new CliError('mesh.login_refused', 'The identity provider returned no access token.');
  const refreshToken = textOf(body.refresh_token);
  return {
    accessToken,
    expiresAt: Date.now() + (Number(body.expires_in) || DEFAULT_SECONDS) * 1000,
    ...(refreshToken !== undefined && { refreshToken }),
  };
}

async function post(
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<{ status: number; body: Json }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams(form),
    redirect: 'error',
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const body: unknown = await response.json().catch(() => undefined);
  return { status: response.status, body: isObject(body) ? body : {} };
}

function reasonOf(body: Json): string {
  const reason = [textOf(body.error), textOf(body.error_description)].filter(Boolean).join(': ');
  return reason || 'no reason was given';
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
