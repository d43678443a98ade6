import { describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { agentFromClaims } from './token-claims.js';
import { developmentToken } from './development-token.js';

const SECRET = 'a secret that has 32 bytes or more';

const read = (token: string) =>
  jwt.verify(token, SECRET, { algorithms: ['HS256'], complete: true });

describe('a development token', () => {
  it('acts for its first role, and holds all, for eight hours', () => {
    const { payload } = read(developmentToken(SECRET, { roles: ['finance', 'legal'] }));
    const iat = typeof payload === 'string' ? undefined : payload.iat;
    expect(payload).toEqual({
      iss: 'agent-mesh-dev',
      sub: 'finance-agent',
      role: 'finance',
      roles: ['finance', 'legal'],
      iat,
      exp: Number(iat) + 8 * 3600,
    });
  });

  it('says what it is told to say', () => {
    const claims = { sub: 'ada', expiresInSeconds: 60, issuer: 'https://id', audience: 'mesh' };
    const { payload } = read(developmentToken(SECRET, { roles: ['finance'], ...claims }));
    expect(payload).toMatchObject({ iss: 'https://id', sub: 'ada', aud: 'mesh' });
  });

  it('is one that the controller takes', () => {
    const { header, payload } = read(developmentToken(SECRET, { roles: ['finance', 'admin'] }));
    expect(
      agentFromClaims(header, payload, {
        audiences: [],
        clients: [],
        roleAllowList: [],
        rolePrecedence: [],
        nowSeconds: Date.now() / 1000,
      }),
    ).toMatchObject({
      subject: 'agent-mesh-dev#finance-agent',
      roles: ['finance', 'admin'],
      defaultRole: 'finance',
    });
  });

  it('needs a role', () => {
    expect(() => developmentToken(SECRET, { roles: [] })).toThrow('needs at least one role');
  });
});
