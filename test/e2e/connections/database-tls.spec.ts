import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientOptions } from '../../../src/database/database-options.js';
import { PostgresClient } from '../../../src/database/postgres-client.js';
import { newDatabase } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import * as certificates from '../../support/certificates.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { endTls, presentCertificate } from '../../support/postgres-tls.js';
import { startTestPostgres, type TestPostgres, writeAsServer } from '../../support/postgres.js';
import { TERMINATE } from '../../support/terminate.js';

describe('TLS to the database', () => {
  let postgres: TestPostgres;
  let databaseUrl: string;
  let folder: string;
  let caFile: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'database-tls-'));
    caFile = join(folder, 'ca.pem');
    postgres = await startTestPostgres();
    databaseUrl = await newDatabase(postgres.url);
    await mend();
  });

  afterAll(async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function mend(): Promise<void> {
    await rm(caFile, { recursive: true, force: true });
    await writeFile(caFile, certificates.CA_CERTIFICATE);
    await presentCertificate(postgres, certificates.SERVER_CERTIFICATE);
  }

  function urlWith(parameters: Record<string, string>, host = 'localhost'): string {
    const url = Object.assign(new URL(databaseUrl), { hostname: host });
    url.search = new URLSearchParams({ sslmode: 'verify-full', ...parameters }).toString();
    return url.href;
  }

  const verifiedUrl = () => urlWith({ sslrootcert: caFile });

  type Fault = readonly [name: string, apply: () => Promise<unknown>, message: string];
  const present = (certificate: string) => () => presentCertificate(postgres, certificate);
  const FAULTS: readonly Fault[] = [
    [
      'expired certificate',
      present(certificates.EXPIRED_CERTIFICATE),
      'The certificate of the database is not valid. certificate has expired',
    ],
    [
      'certificate of another host',
      present(certificates.OTHER_HOST_CERTIFICATE),
      'The certificate of the database names another host than DATABASE_URL.',
    ],
    [
      'certificate of an unknown authority',
      present(certificates.OTHER_CA_SERVER_CERTIFICATE),
      'The certificate of the database is not trusted: set sslrootcert in DATABASE_URL',
    ],
    ['server without TLS', () => endTls(postgres), 'The database has no TLS: check sslmode in'],
    [
      'missing file',
      () => rm(caFile),
      'The file of sslrootcert of DATABASE_URL cannot be read (ENOENT).',
    ],
    [
      'unreadable file',
      () => rm(caFile).then(() => mkdir(caFile)),
      'The file of sslrootcert of DATABASE_URL cannot be read (EISDIR).',
    ],
    [
      'file that is not PEM',
      () => writeFile(caFile, 'not a certificate'),
      'The file of sslrootcert of DATABASE_URL has no certificate in PEM format.',
    ],
    [
      'empty file',
      () => writeFile(caFile, ''),
      'The file of sslrootcert of DATABASE_URL has no certificate in PEM format.',
    ],
    [
      'file of another authority',
      () => writeFile(caFile, certificates.OTHER_CA_CERTIFICATE),
      'The certificate of the database is not trusted: set sslrootcert in DATABASE_URL',
    ],
  ];

  /** One of each source: the server, its authority, the file, its content. */
  const AT_START = FAULTS.filter(([name]) =>
    ['expired certificate', 'file of another authority', 'missing file', 'empty file'].includes(
      name,
    ),
  );

  describe('at run time', () => {
    let controller: ControllerProcess;
    let health: ControllerHealth;

    beforeAll(async () => {
      controller = await ControllerProcess.startMain({
        DATABASE_URL: verifiedUrl(),
        LOG_LEVEL: 'log',
      });
      health = new ControllerHealth(controller);
      await health.expectWorking();
    });

    afterAll(() => controller.stop());

    it.each(FAULTS)('%s: 503 with the reason until it is mended', async (_, apply, message) => {
      const from = controller.output.length;
      await apply();
      await withClient(postgres.url, (client) => client.query(TERMINATE));
      await health.expect(503, {
        status: 'degraded',
        database: 'disconnected',
        database_reason: 'tls_failed',
        notifications: 'polling',
      });
      expect(await health.createSession()).toMatchObject({
        status: 503,
        body: { code: 'database.unavailable' },
      });
      await health.expectLogged(message, from);

      await mend();
      await health.expectWorking();
      health.expectNoCrash();
    });
  });

  it.each(AT_START)(
    'at start, %s: waits with one line, and recovers',
    async (_, apply, message) => {
      await apply();
      const controller = await ControllerProcess.startMain({
        DATABASE_URL: verifiedUrl(),
        LOG_LEVEL: 'log',
      });
      try {
        const health = new ControllerHealth(controller);
        await health.expect(503, { database_reason: 'tls_failed' });
        await health.expectLogged(`"message":"Waiting for the database. ${message}`);
        await mend();
        await health.expectWorking();
        await health.expectLogged('The database is open.');
        health.expectNoCrash();
      } finally {
        await mend();
        await controller.stop();
      }
    },
  );

  describe('of one connection', () => {
    const USER = 'mesh'; // The name in the client certificate.

    beforeAll(async () => {
      const { rows } = await withClient(postgres.url, async (client) => {
        await client.query(`CREATE ROLE ${USER} LOGIN`);
        return client.query<{ text: string }>(
          `SELECT pg_read_file(current_setting('hba_file')) AS text`,
        );
      });
      const rule = `hostssl all ${USER} all cert\n`;
      await writeAsServer(postgres, 'pg_hba.conf', rule + (rows[0]?.text ?? ''));
      await withClient(postgres.url, (client) => client.query('SELECT pg_reload_conf()'));
      await Promise.all([
        writeFile(join(folder, 'client.pem'), certificates.CLIENT_CERTIFICATE),
        writeFile(join(folder, 'client.key'), certificates.CLIENT_KEY),
        writeFile(join(folder, 'expired.pem'), certificates.EXPIRED_CLIENT_CERTIFICATE),
        writeFile(join(folder, 'server.key'), certificates.SERVER_KEY),
      ]);
    });

    async function connect(url: string): Promise<unknown> {
      const client = new PostgresClient(clientOptions({ url, variable: 'DATABASE_URL' }));
      try {
        await client.connect();
        const { rows } = await client.query<{ ssl: boolean }>(
          'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
        );
        return rows[0]?.ssl;
      } finally {
        void client.end().catch(() => undefined);
      }
    }

    function clientUrl(cert: string, key: string): string {
      const [sslcert, sslkey] = [join(folder, cert), join(folder, key)];
      const url = new URL(urlWith({ sslrootcert: caFile, sslcert, sslkey }));
      return Object.assign(url, { username: USER, password: '' }).href;
    }

    it('is encrypted, also without verification and with negotiation by TLS', async () => {
      expect(await connect(verifiedUrl())).toBe(true);
      expect(await connect(urlWith({ sslmode: 'no-verify' }))).toBe(true);
      expect(await connect(urlWith({ sslmode: 'require', uselibpqcompat: 'true' }))).toBe(true);
      expect(await connect(urlWith({ sslrootcert: caFile, sslnegotiation: 'direct' }))).toBe(true);
      expect(await connect(databaseUrl)).toBe(false);
    });

    it('compares the certificate with an IP address', async () => {
      expect(await connect(urlWith({ sslrootcert: caFile }, '127.0.0.1'))).toBe(true);
      await presentCertificate(postgres, certificates.LOCALHOST_CERTIFICATE);
      try {
        await expect(connect(urlWith({ sslrootcert: caFile }, '127.0.0.1'))).rejects.toThrow(
          'names another host than DATABASE_URL',
        );
      } finally {
        await mend();
      }
    });

    it('sends a client certificate', async () => {
      expect(await connect(clientUrl('client.pem', 'client.key'))).toBe(true);
    });

    it.each([
      [
        'expired',
        'expired.pem',
        'client.key',
        'TLS to the database failed: check the certificates',
      ],
      ['missing', 'missing.pem', 'client.key', 'sslcert of DATABASE_URL cannot be read (ENOENT)'],
      ['with another key', 'client.pem', 'server.key', 'sslcert and sslkey of DATABASE_URL'],
      ['that is a key', 'client.key', 'client.key', 'sslcert and sslkey of DATABASE_URL'],
    ])('names the fault of a client certificate: %s', async (_, cert, key, message) => {
      await expect(connect(clientUrl(cert, key))).rejects.toMatchObject({
        message: expect.stringContaining(message) as unknown,
        reason: 'tls_failed',
      });
    });
  });
});
