import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { newWebhookSecret, signatureHeaders } from './webhook-signature.js';

/** The example of the specification: https://github.com/standard-webhooks/standard-webhooks */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const CONTENT = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
};

describe('signatureHeaders', () => {
  it('returns the signature of the example of Standard Webhooks', () => {
    expect(signatureHeaders(CONTENT, [SECRET])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('signs with every secret, and each receiver accepts its own', () => {
    const secrets = [newWebhookSecret(), newWebhookSecret()];
    const content = { ...CONTENT, timestamp: Math.floor(Date.now() / 1000) };
    const headers = signatureHeaders(content, secrets);
    for (const secret of secrets) {
      expect(() => new Webhook(secret).verify(content.body, headers)).not.toThrow();
    }
    expect(() => new Webhook(newWebhookSecret()).verify(content.body, headers)).toThrow();
    expect(() => new Webhook(secrets[0] ?? '').verify(`${content.body} `, headers)).toThrow();
  });
});

describe('newWebhookSecret', () => {
  it('has 32 random bytes', () => {
    const secret = newWebhookSecret();
    expect(Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32);
    expect(newWebhookSecret()).not.toBe(secret);
  });
});
