import { expect } from '@jest/globals';
import { newSubject, tokenFor } from './app.js';
import { type Answer, Client } from './client.js';
import type { ControllerProcess } from './controller-process.js';
import { eventually } from './eventually.js';

/** What a controller process shows of its health, to a client that does not retry. */
export class ControllerHealth {
  constructor(private readonly controller: ControllerProcess) {}

  /** Waits until the readiness is 200 or 503 and `/health` contains the members; liveness is 200. */
  async expect(ready: number, health: object): Promise<void> {
    const expected: unknown = expect.objectContaining(health);
    const read = async () => ({
      ready: (await this.client().get('/health/ready')).status,
      live: (await this.client().get('/health/live')).status,
      health: (await this.client().get('/health')).body,
    });
    const shown = await eventually(
      read,
      ({ ready: status, health: body }) =>
        status === ready && Object.entries(health).every(([name, value]) => body[name] === value),
    );
    expect(shown).toEqual({ ready, live: 200, health: expected });
  }

  /** Waits until the controller serves requests, without a trace of a fault in `/health`. */
  async expectWorking(): Promise<void> {
    const names = ['status', 'version', 'database', 'redis', 'audit_log'];
    await this.expect(200, { status: 'healthy', database: 'connected' });
    const { body } = await eventually(
      () => this.client().get('/health'),
      (answer) => Object.keys(answer.body).length === names.length,
    );
    expect(Object.keys(body)).toEqual(names);
    expect(await this.createSession()).toMatchObject({ status: 201 });
  }

  /** Waits until the log contains a text after a position. */
  async expectLogged(text: string, from = 0): Promise<void> {
    const read = (): string => this.controller.output.slice(from);
    const output = await eventually(read, (lines) => lines.includes(text));
    expect(output).toContain(text);
  }

  /** The process runs, and its log contains neither an error nor a stack. */
  expectNoCrash(): void {
    expect(this.controller.hasEnded).toBe(false);
    expect(this.controller.output).not.toMatch(
      /"level":"error"|unhandled|uncaught|"stack"|^ +at |\\n +at /im,
    );
  }

  createSession(): Promise<Answer> {
    return this.client().post('/sessions', { role: 'finance' });
  }

  private client(): Client {
    return new Client(this.controller.url, tokenFor('finance', newSubject('agent')), false);
  }
}
