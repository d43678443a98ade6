import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { withClient } from './catalog.js';
import { CA_CERTIFICATE, SERVER_KEY } from './certificates.js';
import { until } from './eventually.js';
import { type TestPostgres, writeAsServer } from './postgres.js';

/** Makes a server present a certificate of `certificates.ts`. Resolves when new connections receive it. */
export async function presentCertificate(
  postgres: TestPostgres,
  certificate: string,
): Promise<void> {
  await writeAsServer(postgres, 'server.crt', certificate);
  await writeAsServer(postgres, 'server.key', SERVER_KEY);
  await writeAsServer(postgres, 'clients.crt', CA_CERTIFICATE);
  await withClient(postgres.url, async (client) => {
    await client.query(`ALTER SYSTEM SET ssl_ca_file = 'clients.crt'`);
    await client.query('ALTER SYSTEM SET ssl = on');
    await client.query('SELECT pg_reload_conf()');
  });
  const { fingerprint256 } = new X509Certificate(certificate);
  await until(async () => (await presented(postgres.port)) === fingerprint256);
}

/** Ends TLS at a server, which then accepts plain connections only. */
export async function endTls(postgres: TestPostgres): Promise<void> {
  await withClient(postgres.url, async (client) => {
    await client.query('ALTER SYSTEM RESET ssl');
    await client.query('SELECT pg_reload_conf()');
  });
  await until(async () => (await presented(postgres.port)) === undefined);
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');

/** The fingerprint of the certificate that a server presents; undefined without TLS. */
async function presented(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write(SSL_REQUEST);
    const [reply] = (await once(socket, 'data')) as [Buffer];
    if (reply.toString() !== 'S') return undefined;
    const encrypted = connectTls({ socket, rejectUnauthorized: false });
    await once(encrypted, 'secureConnect');
    return encrypted.getPeerX509Certificate()?.fingerprint256;
  } finally {
    socket.destroy();
  }
}
