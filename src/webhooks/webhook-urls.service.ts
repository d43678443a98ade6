import { Injectable } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { refuseHost, refuseUrl } from './webhook-address.js';
import { urlRefused } from './webhook-errors.js';

/** Checks the URLs of webhooks before they are stored. */
@Injectable()
export class WebhookUrlsService {
  constructor(private readonly environment: Environment) {}

  /** @throws DomainError `webhook.url_refused`, with the reason */
  async assertAllowed(url: string): Promise<void> {
    const rules = {
      allowHttp: this.environment.WEBHOOK_ALLOW_HTTP,
      allowedNetworks: this.environment.WEBHOOK_ALLOWED_NETWORKS,
    };
    const reason = refuseUrl(url, rules) ?? (await refuseHost(url, rules));
    if (reason !== undefined) throw urlRefused(reason);
  }
}
