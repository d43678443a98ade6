import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from './failure.js';

/** Tokens of a device login. */
export interface DeviceTokens {
  readonly accessToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly refreshToken?: string | undefined;
}

/** How `mesh login` got, or gets, the token for a controller. */
export type StoredLogin =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'file'; readonly file: string }
  | {
      readonly kind: 'client';
      readonly issuer: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string | undefined;
      readonly audience?: string | undefined;
    }
  | {
      readonly kind: 'device';
      readonly issuer: string;
      readonly clientId: string;
      readonly tokens: DeviceTokens;
    };

interface Stored {
  /** The controller of the latest login. */
  readonly current?: string | undefined;
  readonly logins: Readonly<Record<string, StoredLogin>>;
}

type Variables = Readonly<Record<string, string | undefined>>;

const LOCK_ATTEMPTS = 100;
const LOCK_PAUSE_MS = 100;

/** The logins in a file that only its owner can read. */
export class CredentialsStore {
  readonly file: string;
  private readonly folder: string;

  constructor(variables: Variables = process.env) {
    const { MESH_CONFIG_DIR, XDG_CONFIG_HOME } = variables;
    this.folder =
      MESH_CONFIG_DIR || join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'agent-mesh');
    this.file = join(this.folder, 'credentials.json');
  }

  get currentUrl(): string | undefined {
    return this.read().current;
  }

  find(url: string): StoredLogin | undefined {
    return this.read().logins[url];
  }

  save(url: string, login: StoredLogin): void {
    const { logins } = this.read();
    this.write({ current: url, logins: { ...logins, [url]: login } });
  }

  /** Returns whether there was a login. */
  remove(url: string): boolean {
    const { current, logins } = this.read();
    const { [url]: removed, ...others } = logins;
    if (removed === undefined) return false;
    this.write({ current: current === url ? undefined : current, logins: others });
    return true;
  }

  /**
   * Runs work that no other `mesh` process runs at the same time. Identity providers accept a refresh token once, so two
   * processes must not send the same one.
   */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    const lock = `${this.file}.lock`;
    for (let attempt = 1; !this.tryLock(lock); attempt++) {
      // The process that holds it was killed: no renewal takes this long.
      if (attempt === LOCK_ATTEMPTS) rmSync(lock, { recursive: true, force: true });
      await sleep(LOCK_PAUSE_MS);
    }
    try {
      return await work();
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }

  private tryLock(lock: string): boolean {
    try {
      mkdirSync(lock);
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    }
  }

  private read(): Stored {
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (error) {
      if (isCode(error, 'ENOENT')) return { logins: {} };
      throw this.unusable(error);
    }
    let stored: unknown;
    try {
      stored = JSON.parse(text);
    } catch (error) {
      throw this.unusable(error);
    }
    if (isStored(stored)) return stored;
    throw this.unusable('it contains no logins');
  }

  private write(stored: Stored): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const draft = `${this.file}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, this.file);
  }

  private unusable(cause: unknown): CliError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new CliError(
      'mesh.credentials_unreadable',
      `${this.file} cannot be read: ${reason}. Run mesh login again, or remove the file.`,
    );
  }
}

function isStored(value: unknown): value is Stored {
  return (
    typeof value === 'object' &&
    value !== null &&
    'logins' in value &&
    typeof value.logins === 'object' &&
    value.logins !== null
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
