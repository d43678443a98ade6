/** A host of a database: its address, or the folder of its socket. */
export interface PostgresHost {
  readonly host: string;
  readonly port: number;
}

/** The server that a connection needs: one that accepts writes, or a standby. */
export type ServerRole = 'primary' | 'standby';

/** Values of `target_session_attrs` of libpq that suit each role. */
const TARGET_SESSIONS = {
  primary: ['any', 'read-write', 'primary'],
  standby: ['any', 'read-only', 'standby', 'prefer-standby'],
} as const;

/** Which server of several hosts the controller uses, as in libpq. */
type TargetSession = (typeof TARGET_SESSIONS)[ServerRole][number];

/** How the connection is encrypted, and which files the TLS material is in. */
export interface PostgresTls {
  /** Whether the certificate of the server must come from a trusted authority. */
  readonly isVerified: boolean;
  /** Whether the certificate of the server must name its host. */
  readonly isHostChecked: boolean;
  readonly isDirect: boolean;
  readonly rootCertFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly passphrase?: string;
}

/** A parsed URL of a PostgreSQL database. */
export interface PostgresUrl {
  readonly hosts: readonly [PostgresHost, ...PostgresHost[]];
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly applicationName?: string;
  /** Command-line options of the server process. */
  readonly options?: string;
  readonly connectTimeoutMs?: number;
  readonly targetSession: TargetSession;
  readonly usesChannelBinding: boolean;
  /** False: no encryption. Undefined: the URL does not state it. */
  readonly tls?: PostgresTls | false;
}

/** The URL cannot be used. The message repeats no part of it, because each can be a password. */
export class PostgresUrlError extends Error {}

const DEFAULT_PORT = 5432;
const URL_PARTS =
  /^postgres(?:ql)?:\/\/(?:(?<userinfo>[^/?#]*)@)?(?<hosts>[^/?#@]*)(?:\/(?<database>[^?#]*))?(?:\?(?<query>[^#]*))?$/i;
const HOST = /^(?:\[(?<ipv6>[^[\]]+)\]|(?<name>[^:[\]]*))(?::(?<port>\d*))?$/;

/** Query parameters that the controller follows. */
const PARAMETERS = new Set([
  ...['host', 'hostaddr', 'port', 'user', 'password', 'dbname', 'application_name', 'options'],
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslnegotiation', 'ssl'],
  ...['uselibpqcompat', 'connect_timeout', 'target_session_attrs', 'channel_binding'],
  ...['client_encoding', 'fallback_application_name', 'gssencmode', 'sslcompression', 'sslsni'],
  ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'],
  ...['tcp_user_timeout', 'load_balance_hosts'],
]);

/** Query parameters of libpq that would have no effect. An ignored one could weaken the protection that it asks for. */
const UNSUPPORTED = new Set([
  ...['passfile', 'service', 'servicefile', 'sslcrl', 'sslcrldir', 'sslcertmode', 'require_auth'],
  ...['requirepeer', 'requiressl', 'krbsrvname', 'gsslib', 'gssdelegation', 'replication'],
  ...['ssl_min_protocol_version', 'ssl_max_protocol_version', 'min_protocol_version'],
  ...['max_protocol_version', 'sslkeylogfile', 'scram_client_key', 'scram_server_key'],
]);

/**
 * Parses the URL of a PostgreSQL database in the form that libpq documents: several hosts, IPv6 addresses, folders of
 * sockets and query parameters (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS).
 *
 * `sslmode` from `allow` to `verify-full` verifies the certificate and its host name, as the driver does; with
 * `uselibpqcompat=true` the modes mean what they mean in libpq.
 *
 * @throws PostgresUrlError
 */
export function parsePostgresUrl(text: string, role: ServerRole = 'primary'): PostgresUrl {
  const parts = URL_PARTS.exec(text)?.groups;
  if (!parts) {
    throw new PostgresUrlError('must be a URL such as postgres://user@host/database');
  }
  const parameters = parametersOf(parts.query ?? '');
  const [user = '', ...password] = (parts.userinfo ?? '').split(':');
  const applicationName =
    parameters.get('application_name') ?? parameters.get('fallback_application_name');
  const connectTimeoutMs = connectTimeoutOf(parameters.get('connect_timeout'));
  const hosts = hostsOf(parts.hosts ?? '', parameters);
  // As in libpq, sockets have no TLS.
  const tls = hosts.every(({ host }) => host.startsWith('/')) ? false : tlsOf(parameters);
  return {
    hosts,
    ...whenSet('user', parameters.get('user') ?? decode(user, 'user')),
    ...whenSet('password', parameters.get('password') ?? decode(password.join(':'), 'password')),
    ...whenSet('database', parameters.get('dbname') ?? decode(parts.database ?? '', 'database')),
    ...whenSet('applicationName', applicationName),
    ...whenSet('options', parameters.get('options')),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
    targetSession: targetSessionOf(parameters.get('target_session_attrs'), role),
    usesChannelBinding: choice(parameters, 'channel_binding', CHANNEL_BINDING) !== 'disable',
    ...(tls !== undefined && { tls }),
  };
}

function whenSet<Name extends string>(
  name: Name,
  value: string | undefined,
): Partial<Record<Name, string>> {
  return value ? ({ [name]: value } as Partial<Record<Name, string>>) : {};
}

function parametersOf(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter(Boolean)) {
    const [name = '', ...value] = pair.split('=');
    const decoded = decode(name, 'query');
    if (UNSUPPORTED.has(decoded)) {
      throw new PostgresUrlError(`must not have the query parameter ${decoded}`);
    }
    if (!PARAMETERS.has(decoded)) {
      throw new PostgresUrlError(
        'has a query parameter that the controller does not support; percent-encode ? in a password',
      );
    }
    parameters.set(decoded, decode(value.join('='), 'query'));
  }
  return parameters;
}

/** Decodes percent-encoding. A percent sign without two hexadecimal digits after it stands for itself. */
function decode(text: string, part: string): string {
  try {
    return text.replace(/(?:%[\da-f]{2})+/gi, decodeURIComponent);
  } catch {
    throw new PostgresUrlError(
      `has percent-encoding in its ${part} that is not UTF-8; write a percent sign as %25`,
    );
  }
}

function hostsOf(authority: string, parameters: Map<string, string>): PostgresUrl['hosts'] {
  const inPath = authority.split(',').map((host) => {
    const found = HOST.exec(host)?.groups;
    if (!found)
      throw new PostgresUrlError(
        'has a host that is no name, address or socket folder; percent-encode / ? # and @ in a password',
      );
    return { host: decode(found.ipv6 ?? found.name ?? '', 'host'), port: found.port ?? '' };
  });
  const names = listOf(parameters.get('hostaddr') ?? parameters.get('host'));
  const ports = listOf(parameters.get('port'));
  const hosts = (names.length > 0 ? names : inPath.map(({ host }) => host)).map((host, n) => ({
    host: host || 'localhost',
    port: portOf(ports[n] ?? ports[0] ?? inPath[n]?.port ?? ''),
  }));
  const [first, ...others] = hosts;
  if (!first) throw new PostgresUrlError('has no host');
  return [first, ...others];
}

function listOf(text: string | undefined): string[] {
  return text ? text.split(',') : [];
}

function portOf(text: string): number {
  if (text === '') return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new PostgresUrlError('has a port that is not 1 to 65535');
  return port;
}

/** libpq takes seconds, and 0 for no limit. */
function connectTimeoutOf(text: string | undefined): number | undefined {
  if (text === undefined || /^0*$/.test(text)) return undefined;
  if (!/^\d{1,4}$/.test(text)) {
    throw new PostgresUrlError('has a connect_timeout that is not a number of seconds');
  }
  return Number(text) * 1000;
}

const CHANNEL_BINDING = ['prefer', 'require', 'disable'] as const;
const SSL_MODES = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
] as const;
const SSL_NEGOTIATION = ['postgres', 'direct'] as const;
const SWITCH = ['true', 'false', '1', '0'] as const;

function choice<Value extends string>(
  parameters: Map<string, string>,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const found = values.find((value) => value === text);
  if (found === undefined) {
    throw new PostgresUrlError(`has a ${name} that is none of ${values.join(', ')}`);
  }
  return found;
}

function targetSessionOf(text: string | undefined, role: ServerRole): TargetSession {
  if (text === undefined) return 'any';
  const found = TARGET_SESSIONS[role].find((value) => value === text);
  if (found !== undefined) return found;
  throw new PostgresUrlError(
    role === 'primary'
      ? 'must not have a target_session_attrs other than any, read-write and primary: the controller writes'
      : 'must not have a target_session_attrs other than any, read-only, standby and prefer-standby',
  );
}

function tlsOf(parameters: Map<string, string>): PostgresUrl['tls'] {
  const ssl = choice(parameters, 'ssl', SWITCH);
  const mode = choice(parameters, 'sslmode', SSL_MODES);
  const isDirect = choice(parameters, 'sslnegotiation', SSL_NEGOTIATION) === 'direct';
  const isLibpq = ['true', '1'].includes(choice(parameters, 'uselibpqcompat', SWITCH) ?? '');
  const rootCert = parameters.get('sslrootcert');
  const hasFile = [rootCert, parameters.get('sslcert'), parameters.get('sslkey')].some(Boolean);
  const isOn = [mode !== undefined, hasFile, isDirect, ssl === 'true', ssl === '1'].some(Boolean);
  if (mode === 'disable' || ssl === 'false' || ssl === '0') return false;
  if (!isOn) return undefined;
  const isLax = isLibpq && (mode === 'allow' || mode === 'prefer' || mode === 'require');
  if (Boolean(parameters.get('sslcert')) !== Boolean(parameters.get('sslkey'))) {
    throw new PostgresUrlError('must have sslcert and sslkey together');
  }
  if (isLibpq && mode === 'verify-ca' && !rootCert) {
    throw new PostgresUrlError('must have sslrootcert for sslmode=verify-ca');
  }
  return {
    isVerified: mode !== 'no-verify' && !(isLax && !rootCert),
    isHostChecked: !isLax && !(isLibpq && mode === 'verify-ca'),
    isDirect,
    // `system`: the authorities that Node.js trusts.
    ...(rootCert !== 'system' && whenSet('rootCertFile', rootCert)),
    ...whenSet('certFile', parameters.get('sslcert')),
    ...whenSet('keyFile', parameters.get('sslkey')),
    ...whenSet('passphrase', parameters.get('sslpassword')),
  };
}
