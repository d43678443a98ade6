#!/usr/bin/env node
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { FormatError } from './encoding.js';
import { USAGE_EXIT_CODE } from './findings.js';
import { messageOf } from './json.js';
import { cosignatureVerifier, keySigner, type NoteVerifier, parseVerifierKey } from './note.js';
import { parsePolicy } from './policy.js';
import { Witness } from './witness.js';
import { WitnessFile } from './witness-file.js';
import { createWitnessServer } from './witness-server.js';

const USAGE = `Usage: mesh-witness --name NAME --key FILE --state FILE (--log VKEY... | --policy FILE)
                    [--host HOST] [--port PORT]

Cosigns heads of logs at POST /add-checkpoint (C2SP tlog-witness). A head must extend the one that was cosigned before.

  --name NAME     name of the witness in its cosignatures, for example witness.example.org/w1
  --key FILE      private key: Ed25519, PKCS#8 in PEM (openssl genpkey -algorithm ed25519)
  --state FILE    latest heads. Keep it: without it, the witness would cosign a fork.
  --log VKEY      verifier key of a log. Can be repeated.
  --policy FILE   C2SP tlog-policy with the logs
  --host HOST     default 127.0.0.1
  --port PORT     default 8089; 0 for a free one
`;

async function main(): Promise<void> {
  const options = readOptions();
  const signer = keySigner(options.name, createPrivateKey(readFileSync(options.key)));
  const witness = new Witness(signer, options.logs, await WitnessFile.open(options.state));
  const server = createWitnessServer(witness, (message) => {
    process.stderr.write(`mesh-witness: ${message}\n`);
  });
  server.listen(options.port, options.host, () => {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : options.port;
    const { vkey } = cosignatureVerifier(parseVerifierKey(signer.vkey));
    process.stdout.write(`${vkey}\nlistening on http://${options.host}:${port}\n`);
  });
  server.on('error', fail);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => server.close());
  }
}

interface Options {
  name: string;
  key: string;
  state: string;
  logs: readonly NoteVerifier[];
  host: string;
  port: number;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      name: { type: 'string' },
      key: { type: 'string' },
      state: { type: 'string' },
      log: { type: 'string', multiple: true, default: [] },
      policy: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8089' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const { name, key, state, host } = values;
  const fromPolicy = values.policy === undefined ? [] : policyLogs(values.policy);
  const logs = [...values.log.map(parseVerifierKey), ...fromPolicy];
  const port = Number(values.port);
  if (name === undefined || key === undefined || state === undefined || logs.length === 0) {
    throw new FormatError('--name, --key, --state, and --log or --policy are required');
  }
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535)
    throw new FormatError('--port is not a port');
  return { name, key, state, logs, host, port };
}

function policyLogs(path: string): readonly NoteVerifier[] {
  return parsePolicy(readFileSync(path, 'utf8')).logs;
}

function fail(error: unknown): void {
  process.stderr.write(`mesh-witness: ${messageOf(error)}\n\n${USAGE}`);
  process.exit(USAGE_EXIT_CODE);
}

main().catch(fail);
