import { createClient } from '@agent-mesh/client';
import { session } from '../auth/session';
import { BASE_URL } from './addresses';

/** Retries of a request. With more, a page would show later that the controller cannot be reached. */
const MAX_RETRIES = 2;

/** The API, with the token of the person. If the controller refuses the token, the session ends. */
export const mesh = createClient({
  baseUrl: BASE_URL,
  maxRetries: MAX_RETRIES,
  getToken: ({ rejected } = {}) => {
    if (rejected !== undefined) session.expire(rejected);
    return session.token ?? rejected ?? '';
  },
});
