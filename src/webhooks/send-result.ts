import { parseRetryAfter, retryDelay } from './retry-schedule.js';

/** 410: the endpoint wants no more requests (RFC 9110, section 15.5.11). */
export const GONE = 410;

/** The class of a failure without a response. */
export type SendError = 'address_refused' | 'timeout' | 'connection' | 'tls' | 'dns' | 'secret';

/** The result of one request to an endpoint. */
export interface SendResult {
  /** Status of the response; null: there was none. */
  status: number | null;
  error: SendError | null;
  /** The first 512 bytes of the response body. */
  response: string;
  retryAfter: string | undefined;
}

/** The result of a request that had no response, or was not sent. */
export function sendFailure(error: SendError): SendResult {
  return { status: null, error, response: '', retryAfter: undefined };
}

export function isSuccess({ status }: SendResult): boolean {
  return status !== null && status >= 200 && status <= 299;
}

/**
 * Returns the delay before the next attempt after a failed one, in seconds; undefined if there is none.
 *
 * @param attempts attempts that were made
 */
export function delayAfter(
  { status, retryAfter }: SendResult,
  attempts: number,
): number | undefined {
  return status === GONE ? undefined : retryDelay(attempts, parseRetryAfter(retryAfter));
}
