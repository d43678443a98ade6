import { DomainError } from '../errors/domain-error.js';

export function webhookNotFound(): DomainError {
  return new DomainError('webhook.not_found', 'No webhook has this id.');
}

export function deliveryNotFound(): DomainError {
  return new DomainError(
    'webhook.delivery_not_found',
    'The webhook has no delivery of the event at this position. Deliveries are kept for 14 days.',
  );
}

export function urlRefused(reason: string): DomainError {
  return new DomainError('webhook.url_refused', `The URL is refused. ${reason}`);
}

export function notConfigured(): DomainError {
  return new DomainError(
    'webhook.not_configured',
    'Webhooks need WEBHOOK_SECRET_KEY: 32 random bytes in base64. Set it and start the controller again.',
  );
}

export function tooManyWebhooks(limit: number): DomainError {
  return new DomainError('webhook.limit_reached', `There are ${limit} webhooks. Delete one first.`);
}

export function webhookDisabled(status: string): DomainError {
  return new DomainError(
    'webhook.disabled',
    `The webhook is ${status}. Enable it first: PATCH with status enabled.`,
  );
}

export function replayTooLarge(limit: number): DomainError {
  return new DomainError(
    'webhook.replay_limit',
    `The replay would send more than ${limit} events. None was scheduled. Narrow it with until.`,
  );
}
