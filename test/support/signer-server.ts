import { sign } from 'node:crypto';
import { parseSigningKey } from '../../src/config/audit-signing-key.js';
import { isRecord } from '../../src/common/is-record.js';
import { AnchorServer } from './anchors.js';

/** A server that signs like Transit of HashiCorp Vault. */
export class SignerServer {
  /** The only token that it accepts. */
  token = 's.first';

  private constructor(
    readonly server: AnchorServer,
    public key: string,
  ) {}

  /** @param key the private key in PEM */
  static async start(key: string): Promise<SignerServer> {
    const signer = new SignerServer(await AnchorServer.start(), key);
    signer.resume();
    return signer;
  }

  get url(): string {
    return `http://${this.server.address}/v1/transit/sign/mesh`;
  }

  /** Answers as Vault does, after a test has set other answers. */
  resume(): void {
    this.server.respond = (body) => this.answer(body);
  }

  private answer(body: Buffer) {
    const { authorization } = this.server.received.at(-1) ?? {};
    if (authorization !== `Bearer ${this.token}`) {
      return { status: 403, body: '{"errors":["permission denied"]}' };
    }
    const request: unknown = JSON.parse(body.toString());
    const input = isRecord(request) ? Buffer.from(String(request.input), 'base64') : undefined;
    if (!input) return { status: 400 };
    const signature = sign(null, input, parseSigningKey(this.key)).toString('base64');
    return { status: 200, body: JSON.stringify({ data: { signature: `vault:v1:${signature}` } }) };
  }
}
