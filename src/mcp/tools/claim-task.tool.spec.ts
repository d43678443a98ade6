import { describe, expect, it } from '@jest/globals';
import { callTool } from './call-tool.js';
import { Delivery } from './deliveries.js';
import { type MeshClient, MeshError } from './mesh-client.js';
import type { OperationName } from './operations.js';

const CLAIM = {
  task: { id: 'a', task_type: 'x' },
  session: { id: 'b', status: 'active', lease_expires_at: null },
};

/** A mesh that has a task, and is asked what it is for. */
function meshWith(answers: Partial<Record<OperationName, () => Promise<object>>>) {
  const asked: string[] = [];
  const bodies: unknown[] = [];
  const mesh: MeshClient = {
    async call(operation, request) {
      asked.push(operation);
      bodies.push(request?.body);
      const body = await (answers[operation]?.() ?? Promise.resolve(CLAIM));
      return { status: 200, body: { ...body }, replayed: false };
    },
  };
  return { mesh, asked, bodies };
}

const settled = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

describe('claim_task', () => {
  it('claims nothing for a client that is gone', async () => {
    for (const args of [{}, { task_id: 'a' }]) {
      const { mesh, asked } = meshWith({});
      const delivery = new Delivery();
      delivery.lose();
      const { result } = await callTool(mesh, 'claim_task', args, delivery);
      expect(result.structuredContent).toMatchObject({ claimed: false });
      expect(asked).toEqual([]);
    }
  });

  it('releases a claim whose client goes meanwhile, and says that nothing is claimed', async () => {
    const delivery = new Delivery();
    const claim = () => {
      delivery.lose();
      return Promise.resolve(CLAIM);
    };
    const { mesh, asked, bodies } = meshWith({ claim_next_task: claim });
    const { result } = await callTool(mesh, 'claim_task', {}, delivery);
    await settled();
    expect(result.structuredContent).toMatchObject({ claimed: false });
    expect(asked).toEqual(['claim_next_task', 'release_session']);
    // It does not count toward `task.release_limit`.
    expect(bodies[1]).toMatchObject({ undelivered: true });
  });

  it('releases a claim whose response is lost, again after an error of the database', async () => {
    let failures = 1;
    const release = () =>
      failures-- > 0
        ? Promise.reject(new MeshError({ code: 'database.unavailable', detail: '', status: 503 }))
        : Promise.resolve({});
    const { mesh, asked } = meshWith({ release_session: release });
    const delivery = new Delivery();
    await callTool(mesh, 'claim_task', {}, delivery);
    expect(asked).toEqual(['claim_next_task']);
    delivery.lose();
    await settled(600);
    expect(asked).toEqual(['claim_next_task', 'release_session', 'release_session']);
  });

  it('keeps a claim that its caller can ask for again', async () => {
    const { mesh, asked } = meshWith({});
    const delivery = new Delivery();
    await callTool(mesh, 'claim_task', { idempotency_key: 'mine' }, delivery);
    delivery.lose();
    await settled();
    expect(asked).toEqual(['claim_next_task']);
  });

  it('leaves a notification as delivered', async () => {
    const delivered = { ...CLAIM, session: { id: 'b', status: 'completed' } };
    const { mesh, asked } = meshWith({ claim_next_task: () => Promise.resolve(delivered) });
    const delivery = new Delivery();
    await callTool(mesh, 'claim_task', {}, delivery);
    delivery.lose();
    await settled();
    expect(asked).toEqual(['claim_next_task']);
  });
});
