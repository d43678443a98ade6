/** A Redis server, or a Sentinel, as a URL names it. */
export interface RedisAddress {
  readonly host?: string;
  /** Default: the port of the kind of server. */
  readonly port?: number;
  /** Unix socket, in place of host and port. */
  readonly path?: string;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly isEncrypted: boolean;
  /** 4 or 6 for one version of IP; 0 for both. */
  readonly family: number;
}

const UNIX = /^unix:\/\/(?:([^:@/]*):([^@/]*)@)?(\/[^?#]+)(?:\?db=(\d{1,5}))?$/;
const HOST = /^(\[[0-9a-f:.]+\]|[\w.-]+)$/i;
const DATABASE = /^\/(\d{1,5})?$/;
const FAMILIES = ['0', '4', '6'];

/**
 * Parses a URL of `REDIS_URL`: `redis://user:password@host:port/db`, `rediss://…` for TLS, or
 * `unix://user:password@/path/of/socket?db=0`.
 *
 * @throws Error whose message states the problem without a part of the URL
 */
export function parseRedisUrl(text: string): RedisAddress {
  return text.startsWith('unix:') ? parseSocketUrl(text) : parseServerUrl(text);
}

function parseSocketUrl(text: string): RedisAddress {
  const [, username = '', password = '', path, db = '0'] = UNIX.exec(text) ?? [];
  if (path === undefined)
    throw new Error('a unix URL in REDIS_URL must be like unix:///run/redis/redis.sock?db=0');
  const credentials = credentialsOf(username, password);
  return { ...credentials, path: decoded(path), db: Number(db), isEncrypted: false, family: 0 };
}

function parseServerUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !HOST.test(url.hostname)) {
    throw new Error(
      'REDIS_URL cannot be parsed: check the host and the port, and percent-encode special characters in the password (@ is %40, / is %2F, # is %23)',
    );
  }
  const [, db = '0'] = DATABASE.exec(url.pathname || '/') ?? [undefined, undefined];
  if (!DATABASE.test(url.pathname || '/'))
    throw new Error('the path of REDIS_URL must be the number of a database, such as /0');
  const { family = '0', ...others } = Object.fromEntries(url.searchParams);
  if (Object.keys(others).length > 0 || !FAMILIES.includes(family) || url.hash !== '')
    throw new Error('REDIS_URL accepts no parameter but family=4 and family=6');
  return {
    ...credentialsOf(url.username, url.password),
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(url.port !== '' && { port: Number(url.port) }),
    db: Number(db),
    isEncrypted: url.protocol === 'rediss:',
    family: Number(family),
  };
}

function credentialsOf(
  username: string,
  password: string,
): Pick<RedisAddress, 'username' | 'password'> {
  if (username !== '' && password === '') {
    throw new Error(
      'REDIS_URL has a user name without a password: write redis://:password@host if it is the password',
    );
  }
  return {
    ...(username !== '' && { username: decoded(username) }),
    ...(password !== '' && { password: decoded(password) }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('REDIS_URL contains a % without two hexadecimal digits: write it as %25');
  }
}
