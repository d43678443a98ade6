import type { TaskPushNotificationConfig } from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import { isRecord } from '../common/is-record.js';
import { parseJson } from '../common/parse-json.js';
import { WebhookSecretsService } from '../webhooks/webhook-secrets.service.js';
import type { PushConfig } from './push-config.entity.js';
import type { PushConfigKey } from './push-configs.repository.js';

/** The token and credentials by which an endpoint recognizes the controller. */
export interface PushSecret {
  readonly token?: string;
  readonly scheme?: string;
  readonly credentials?: string;
}

/** Encrypts the tokens and credentials of push notification configurations with `WEBHOOK_SECRET_KEY`. */
@Injectable()
export class PushSecretsService {
  constructor(private readonly secrets: WebhookSecretsService) {}

  /** Whether `WEBHOOK_SECRET_KEY` is set, so that configurations can be stored. */
  get isConfigured(): boolean {
    return this.secrets.isConfigured;
  }

  seal(key: PushConfigKey, { token, authentication }: TaskPushNotificationConfig): Buffer {
    const secret: PushSecret = {
      ...(token !== '' && { token }),
      ...(authentication && {
        scheme: authentication.scheme,
        credentials: authentication.credentials,
      }),
    };
    return this.secrets.seal(JSON.stringify(secret), contextOf(key));
  }

  /** Returns undefined if `WEBHOOK_SECRET_KEY` has changed since. */
  open(config: PushConfigKey & Pick<PushConfig, 'secret'>): PushSecret | undefined {
    const text = this.secrets.open(config.secret, contextOf(config));
    const json = text === undefined ? undefined : parseJson(text);
    if (!isRecord(json)) return undefined;
    const { token, scheme, credentials } = json;
    return {
      ...(typeof token === 'string' && { token }),
      ...(typeof scheme === 'string' && { scheme }),
      ...(typeof credentials === 'string' && { credentials }),
    };
  }
}

function contextOf({ task_id, owner, id }: PushConfigKey): string {
  return JSON.stringify([task_id, owner, id]);
}
