import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type Json, signedToken } from './signed-token.js';

export type StubAlgorithm = 'RS256' | 'PS256' | 'ES256';

export interface StubKey {
  readonly kid: string;
  readonly alg: StubAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

type KeyPair = Pick<StubKey, 'privateKey' | 'publicKey'>;

/** RSA keys take long to make, so that the n-th key of one issuer serves the next issuer, too. */
const keyPairs = new Map<string, KeyPair>();

function keyPair(alg: StubAlgorithm, number: number): KeyPair {
  const name = `${alg} ${number}`;
  const pair =
    keyPairs.get(name) ??
    (alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 }));
  keyPairs.set(name, pair);
  return pair;
}

/** How the stub answers a request for its keys. */
type Answer = (response: ServerResponse) => void;

const ANSWERS = {
  error: (response) => response.writeHead(500).end(),
  hang: () => undefined,
  redirect: (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
  garbage: (response) => response.end('<html>'),
  'not a set': (response) => response.end('{"keys":{}}'),
  huge: (response) => response.end(`{"keys":[],"padding":"${'x'.repeat(1024 * 1024)}"}`),
} as const satisfies Record<string, Answer>;

export type Failure = keyof typeof ANSWERS;

/** An identity provider in small: signs tokens shaped like Keycloak's, and serves its keys on a loopback port. */
export class StubIssuer {
  readonly audience = 'agent-mesh';
  /** How often the keys were asked for. */
  fetches = 0;
  /** How it fails; undefined: it works. */
  failure?: Failure;
  private keys: StubKey[] = [];
  private made = 0;

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('request', (request, response) => {
      if (request.url !== '/realms/mesh/keys') {
        response.end('{"keys":[]}');
        return;
      }
      this.fetches += 1;
      if (this.failure === undefined) response.end(JSON.stringify(this.keySet()));
      else ANSWERS[this.failure](response);
    });
  }

  static async start(): Promise<StubIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    return new StubIssuer(server, address.port);
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.port}/realms/mesh`;
  }

  get jwksUrl(): string {
    return `${this.issuer}/keys`;
  }

  /** Publishes a new key. */
  addKey(alg: StubAlgorithm): StubKey {
    this.made += 1;
    const key = { kid: `key-${this.made}`, alg, ...keyPair(alg, this.made) };
    this.keys.push(key);
    return key;
  }

  /** Publishes a key no longer; tokens can still be signed with it. */
  removeKey(key: StubKey): void {
    this.keys = this.keys.filter((other) => other !== key);
  }

  /** A token as an agent gets it; a claim or header member set to undefined is left out. */
  token(key: StubKey, claims: Json = {}, header: Json = {}): string {
    const { alg, kid, privateKey } = key;
    return signedToken({ alg, typ: 'JWT', kid, ...header }, this.claims(claims), privateKey);
  }

  claims(changes: Json = {}): Json {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: this.issuer,
      sub: '7f3c2a9e',
      aud: [this.audience, 'account'],
      iat: now,
      exp: now + 300,
      jti: 'b1f0',
      typ: 'Bearer',
      azp: 'finance-agent',
      realm_access: { roles: ['finance', 'offline_access', 'default-roles-mesh'] },
      resource_access: {
        [this.audience]: { roles: ['approver'] },
        account: { roles: ['manage-account'] },
      },
      scope: 'profile email',
      ...changes,
    };
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private keySet(): Json {
    const keys = this.keys.map(({ kid, alg, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      use: 'sig',
      // RSA keys serve RS256 and PS256 alike, as a key without `alg` does.
      ...(alg === 'ES256' ? { alg } : {}),
    }));
    return { keys };
  }
}
