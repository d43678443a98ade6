import type { Response } from 'express';
import { type PauseNotice, ROLE_PAUSED, toPauseHeader } from './pause-notice.js';

/** Responds with 204, and with the pause because of which there is no content. */
export function respondEmpty(response: Response, pause: PauseNotice | null): void {
  response.status(204);
  if (pause) response.setHeader(ROLE_PAUSED, toPauseHeader(pause));
}

/** The header of {@link respondEmpty}, for the OpenAPI document. */
export const PAUSE_HEADER = {
  [ROLE_PAUSED]: {
    description:
      'Present if the role is paused: the reason as `reason*` (UTF-8, percent-encoded by RFC 8187), and `until` if the pause has an end.',
    schema: {
      type: 'string' as const,
      example: `reason*=UTF-8''Maintenance%20window; until="2027-01-31T12:00:00.000Z"`,
    },
  },
};
