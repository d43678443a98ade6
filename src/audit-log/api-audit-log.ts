/** Parts of the documentation of the routes of the sealed log. */

export const TEXT = 'text/plain; charset=utf-8';

export const IMMUTABLE = 'private, max-age=31536000, immutable';

const EXAMPLE_HEAD =
  'mesh.example.com/audit/log\n1033\nypFPoq4RT1HrPjDuMfqjUC0PHrG/ISn27cXYkqTpQ0Y=\n\n— mesh.example.com/audit/log l3dKhA…\n';

export const NOTE = {
  description: 'The note with the origin, the size and the root (C2SP tlog-checkpoint).',
  content: { 'text/plain': { schema: { type: 'string' as const }, example: EXAMPLE_HEAD } },
};

/** The parameter of a path of tiles. */
export const INDEX = {
  name: 'path',
  description:
    'Number of the tile in groups of three digits, all but the last with an x, such as `x001/x234/067`; `.p/<width>` after it for a partial tile.',
  schema: { type: 'string' as const, example: '000.p/12' },
};

/** A response of bytes. */
export function bytes(description: string) {
  const schema = { type: 'string' as const, format: 'binary' };
  return { description, content: { 'application/octet-stream': { schema } } };
}
