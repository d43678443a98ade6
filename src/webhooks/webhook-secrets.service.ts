import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { openSecret, sealSecret } from '../common/secret-box.js';
import { Environment } from '../config/environment.js';
import { developmentSecret } from '../auth/signing-secret.js';
import { notConfigured } from './webhook-errors.js';
import type { Webhook } from './webhook.entity.js';
import { newWebhookSecret } from './webhook-signature.js';

/** A signing secret, as the client receives it and as it is stored. */
export interface IssuedSecret {
  secret: string;
  sealed: Buffer;
}

/** Encrypts the signing secrets of webhooks with `WEBHOOK_SECRET_KEY`. In embedded mode a key is generated. */
@Injectable()
export class WebhookSecretsService {
  private readonly key?: Buffer;

  constructor(environment: Environment) {
    this.key = keyOf(environment);
  }

  /** Whether there is a key, so that secrets can be stored. */
  get isConfigured(): boolean {
    return this.key !== undefined;
  }

  /**
   * Encrypts a text, which {@link open} decrypts with the same context.
   *
   * @throws DomainError `webhook.not_configured`
   */
  seal(text: string, context: string): Buffer {
    return sealSecret(this.requireKey(), text, context);
  }

  /** Decrypts a text. Undefined if the key is missing, or is not the one that encrypted it. */
  open(sealed: Buffer, context: string): string | undefined {
    return this.key && openSecret(this.key, sealed, context);
  }

  /**
   * Issues a signing secret for a webhook.
   *
   * @throws DomainError `webhook.not_configured`
   */
  issue(webhookId: string): IssuedSecret {
    const secret = newWebhookSecret();
    return { secret, sealed: this.seal(secret, webhookId) };
  }

  /** Returns the secrets that sign deliveries now. Empty if the key is missing, or is not the one that encrypted them. */
  openAll({ id, secret, old_secret, old_secret_until }: Webhook): string[] {
    const isOldValid = old_secret !== null && (old_secret_until?.getTime() ?? 0) > Date.now();
    const opened = [secret, ...(isOldValid ? [old_secret] : [])].map((sealed) =>
      this.open(sealed, id),
    );
    return opened.filter((text) => text !== undefined);
  }

  /** Replaces the secret of a response by its ciphertext, for the record of a keyed request. */
  sealResponse(text: string): string {
    return mapSecret(text, (secret) => this.seal(secret, RESPONSE).toString('base64'));
  }

  /** Returns the response whose secret {@link sealResponse} encrypted. Its secret is null if the key has changed since. */
  openResponse(text: string): string {
    return mapSecret(text, (sealed) => this.open(Buffer.from(sealed, 'base64'), RESPONSE) ?? null);
  }

  private requireKey(): Buffer {
    if (!this.key) throw notConfigured();
    return this.key;
  }
}

const RESPONSE = 'response';

function mapSecret(text: string, map: (secret: string) => string | null): string {
  const body = JSON.parse(text) as { secret: string };
  return JSON.stringify({ ...body, secret: map(body.secret) });
}

function keyOf({ WEBHOOK_SECRET_KEY, isEmbedded, DATA_DIR }: Environment): Buffer | undefined {
  if (WEBHOOK_SECRET_KEY !== undefined) return Buffer.from(WEBHOOK_SECRET_KEY, 'base64');
  return isEmbedded
    ? hash('sha256', developmentSecret(DATA_DIR, 'webhook-secret'), 'buffer')
    : undefined;
}
