import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cosignatureVerifier,
  type NoteVerifier,
  parseVerifierKey,
} from '../../packages/verify/src/note.js';
import { newSigner } from '../../packages/verify/src/testing/sealed-log.js';
import { Witness } from '../../packages/verify/src/witness.js';
import { WitnessFile } from '../../packages/verify/src/witness-file.js';
import { createWitnessServer } from '../../packages/verify/src/witness-server.js';
import { freePort } from '../../src/embedded-postgres/free-port.js';

/** The server of `mesh-witness` in this process. */
export class WitnessServer {
  private server: Server | undefined;
  private readonly signer;

  private constructor(
    readonly name: string,
    private readonly logs: readonly NoteVerifier[],
    private readonly folder: string,
    private readonly port: number,
  ) {
    this.signer = newSigner(name);
  }

  static async start(name: string, logs: readonly NoteVerifier[]): Promise<WitnessServer> {
    const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-witness-'));
    const witness = new WitnessServer(name, logs, folder, await freePort());
    await witness.resume();
    return witness;
  }

  get verifier(): NoteVerifier {
    return cosignatureVerifier(parseVerifierKey(this.signer.vkey));
  }

  /** A value of AUDIT_WITNESSES. */
  get setting(): string {
    return `http://127.0.0.1:${this.port}|${this.verifier.vkey}`;
  }

  /** Starts again, with the heads that it has cosigned. */
  async resume(): Promise<void> {
    const state = await WitnessFile.open(join(this.folder, 'state.json'));
    this.server = createWitnessServer(new Witness(this.signer, this.logs, state), () => undefined);
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true });
  }
}
