import { describe, expect, it } from '@jest/globals';
import { ERRORS } from '../../errors/error-codes.js';
import { hintFor, toErrorText } from './error-hints.js';

describe('the advice', () => {
  it.each(Object.entries(ERRORS))('on %s is a sentence', (code, [status]) => {
    expect(hintFor({ code, status, detail: '' })).toMatch(/^[A-Z].{10,}\.$/s);
  });

  it.each([401, 403])('on %d names what to renew', (status) => {
    const advice = hintFor({ code: 'auth.forbidden', status, detail: '' });
    expect(advice).toContain('MESH_JWT_TOKEN_FILE');
    expect(advice).toContain('Authorization header');
  });

  it('on a controller that does not answer names what to correct', () => {
    expect(hintFor({ code: 'mesh.unreachable', detail: '' })).toContain('CONTROLLER_URL');
  });
});

describe('an explanation', () => {
  it('has the code, the status, each thing that is wrong, and what to do next', () => {
    const errors = [{ pointer: '/target', message: 'target must name a role' }];
    expect(
      toErrorText(
        { code: 'request.invalid', status: 400, detail: 'Not valid.', errors },
        'Refused',
      ),
    ).toBe(
      'Refused (request.invalid, HTTP 400): Not valid.\n- /target: target must name a role\nNext: Correct the named arguments, and call again.',
    );
  });
});
