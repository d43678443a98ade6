import { idPattern } from '../common/ids.js';
import { SessionDto } from './dto/session.dto.js';

/** The path parameter `id` of a session, for the API document. */
export const SESSION_ID = {
  name: 'id',
  description:
    'Id of the session, or id of a task for its latest attempt. Bare, or with its prefix.',
  schema: {
    type: 'string' as const,
    pattern: idPattern('session', 'task'),
    example: 'session-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  },
};

/** Nest sends the return value of the method, although the method sets headers itself. */
export const PASSTHROUGH = { passthrough: true };

/** The header of a response with a session, for the API document. */
export const ETAG = {
  ETag: {
    description:
      'Entity tag of this version, for `If-Match` and `If-None-Match`. A replay has none.',
    schema: { type: 'string' as const, pattern: '^"[^"]+"$' },
  },
};

/** A response with a session and its entity tag, for the API document. */
export const WITH_ETAG = { type: SessionDto, headers: ETAG };
