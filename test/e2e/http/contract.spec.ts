import { describe, expect, it } from '@jest/globals';
import { ApiContract } from '../../support/api-contract.js';

const TRACE = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

describe('the comparison of responses with the API document', () => {
  const contract = ApiContract.read();

  const problemsOf = (
    status: number,
    headers: Record<string, string>,
    text = JSON.stringify({ status: 'alive' }),
  ): string[] =>
    contract.problemsOf({
      ...{ method: 'GET', url: 'http://localhost/health/live', status, text },
      headers: new Headers({ 'content-type': 'application/json', ...headers }),
    });

  it('accepts a response as it is documented, with generic headers', () => {
    expect(problemsOf(200, { 'x-trace-id': TRACE, vary: 'Origin', 'content-length': '9' })).toEqual(
      [],
    );
  });

  it.each([
    [
      'a header that is not declared',
      { 'x-trace-id': TRACE, location: '/x' },
      'header location is not documented',
    ],
    ['a required header that is missing', {}, 'header X-Trace-Id is missing'],
    [
      'a header that breaks its schema',
      { 'x-trace-id': 'x' },
      'header X-Trace-Id: / must match format "uuid"',
    ],
  ])('reports %s', (_, headers: Record<string, string>, problem) => {
    expect(problemsOf(200, headers)).toEqual([`GET /health/live 200: ${problem}`]);
  });

  it('reports a status, a media type and a member that are not documented', () => {
    const sent = { 'x-trace-id': TRACE };
    expect(problemsOf(418, sent)).toEqual([
      expect.stringContaining('GET /health/live 418: the status is not documented'),
    ]);
    expect(problemsOf(200, { ...sent, 'content-type': 'text/plain' })).toEqual([
      expect.stringContaining('the media type text/plain is not documented'),
    ]);
    expect(problemsOf(200, sent, JSON.stringify({ status: 'alive', more: 1 }))).toEqual([
      expect.stringContaining('more'),
    ]);
  });
});
