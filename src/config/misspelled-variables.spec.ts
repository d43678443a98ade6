import { describe, expect, it } from '@jest/globals';
import { misspelledVariables, misspellingWarning } from './misspelled-variables.js';
import { KNOWN_VARIABLES } from './parse-environment.js';

const meantBy = (name: string) =>
  misspelledVariables({ [name]: 'secret' }, KNOWN_VARIABLES).map(({ meant }) => meant);

describe('A misspelled variable', () => {
  it.each([
    ['PROT', 'PORT'],
    ['PORTS', 'PORT'],
    ['port', 'PORT'],
    ['Host', 'HOST'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABASEURL', 'DATABASE_URL'],
    ['DATABASE_URL_FIEL', 'DATABASE_URL_FILE'],
    ['database_url', 'DATABASE_URL'],
    ['REDIS_ULR', 'REDIS_URL'],
    ['OIDC_ISSUER', 'OIDC_ISSUER_URL'],
    ['OIDC_AUDIENCES', 'OIDC_AUDIENCE'],
    ['OIDC_JWKS_URI', 'OIDC_JWKS_URL'],
    ['IDEMPOTENCY_TTL', 'IDEMPOTENCY_TTL_SECONDS'],
    ['NODE_ENVIROMENT', undefined],
    ['NODEENV', 'NODE_ENV'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['JWT_SECERT', 'JWT_SECRET'],
  ])('%s resembles %s', (name, meant) => {
    expect(meantBy(name)).toEqual(meant === undefined ? [] : [meant]);
  });

  it('is found for each variable whose letters are exchanged, doubled or left out', () => {
    for (const name of KNOWN_VARIABLES) {
      const at = Math.floor(name.length / 2);
      const [head, a = '', b = '', tail] = [
        name.slice(0, at - 1),
        name[at - 1],
        name[at],
        name.slice(at + 1),
      ];
      const wrong = [`${head}${b}${a}${tail}`, `${head}${a}${a}${b}${tail}`, `${head}${b}${tail}`];
      for (const each of wrong.filter((one) => !KNOWN_VARIABLES.includes(one))) {
        expect([each, meantBy(each)]).toEqual([each, [name]]);
      }
    }
  });

  it('is not one that is known, empty, or set by others', () => {
    const others = [
      'PATH',
      'HOME',
      'HOSTNAME',
      'SHELL',
      'PWD',
      'LANG',
      'TERM',
      'USER',
      'LOGNAME',
      'PS1',
    ];
    const platform = [
      'NODE_OPTIONS',
      'NODE_PATH',
      'NODE_VERSION',
      'HTTP_PROXY',
      'HTTPS_PROXY',
      'NO_PROXY',
    ];
    const kubernetes = [
      'KUBERNETES_PORT',
      'KUBERNETES_SERVICE_HOST',
      'REDIS_PORT',
      'POSTGRES_PASSWORD',
    ];
    const compose = [
      'CONTROLLER_PORT',
      'CONTROLLER_URL',
      'TZ',
      'EDITOR',
      'PGPORT',
      'PGHOST',
      'npm_config_port',
    ];
    for (const name of [...others, ...platform, ...kubernetes, ...compose, ...KNOWN_VARIABLES]) {
      expect([name, meantBy(name)]).toEqual([name, []]);
    }
    expect(misspelledVariables({ PROT: '', PORTT: undefined }, KNOWN_VARIABLES)).toEqual([]);
  });

  it('is reported without its value, on one line', () => {
    expect(misspellingWarning({ name: 'PROT', meant: 'PORT' })).toBe(
      '"PROT" has no effect; did you mean PORT?',
    );
    expect(misspellingWarning({ name: 'PO\nRT', meant: 'PORT' })).not.toContain('\n');
  });
});
