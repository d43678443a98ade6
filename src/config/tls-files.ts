import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';

/** Paths of PEM files, by the variables that name them. */
export interface TlsFileNames {
  readonly REDIS_TLS_CA_FILE?: string;
  readonly REDIS_TLS_CERT_FILE?: string;
  readonly REDIS_TLS_KEY_FILE?: string;
}

const MEMBERS = {
  REDIS_TLS_CA_FILE: 'ca',
  REDIS_TLS_CERT_FILE: 'cert',
  REDIS_TLS_KEY_FILE: 'key',
} as const;

type FileVariable = keyof typeof MEMBERS;

const VARIABLES = Object.keys(MEMBERS).filter(isFileVariable);

/**
 * Reads the files and checks them together.
 *
 * @throws Error that names the variable
 */
export function readTlsFiles(names: TlsFileNames): SecureContext {
  const contents: Partial<Record<'ca' | 'cert' | 'key', string>> = {};
  for (const variable of VARIABLES) {
    const path = names[variable];
    if (path === undefined) continue;
    contents[MEMBERS[variable]] = read(variable, path);
    try {
      createSecureContext(
        variable === 'REDIS_TLS_KEY_FILE'
          ? { key: contents.key }
          : { ca: contents[MEMBERS[variable]] },
      );
    } catch (cause) {
      throw new Error(`${variable} contains no usable PEM text`, { cause });
    }
  }
  try {
    return createSecureContext(contents);
  } catch (cause) {
    throw new Error('REDIS_TLS_KEY_FILE is not the key of REDIS_TLS_CERT_FILE', { cause });
  }
}

function read(variable: FileVariable, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`${variable} cannot be read`, { cause });
  }
  // OpenSSL ignores text without a PEM block.
  if (!text.includes('-----BEGIN ')) throw new Error(`${variable} contains no usable PEM text`);
  return text;
}

function isFileVariable(name: string): name is FileVariable {
  return Object.hasOwn(MEMBERS, name);
}
