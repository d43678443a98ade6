import { describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { useApp } from '../../support/kit.js';

describe('POST /tasks/route with ROLES', () => {
  const mesh = useApp({ env: { ROLES: 'finance, manager' } });

  const route = (role: string, target: string) =>
    new Client(mesh.url, tokenFor(role)).post('/tasks/route', {
      target,
      task: { task_type: 'approval' },
    });

  it('202 when the target is an allowed role', async () => {
    expect((await route('finance', 'manager')).status).toBe(202);
  });

  it('400 when the target is not an allowed role', async () => {
    expect(await route('finance', 'legal')).toMatchObject({
      status: 400,
      body: { code: 'request.invalid', errors: [{ pointer: '/target' }] },
    });
  });

  it('403 when the role of the token is not allowed', async () => {
    expect(await route('legal', 'manager')).toMatchObject({
      status: 403,
      body: { code: 'auth.role_not_held' },
    });
  });

  it('GET /tasks: 200 for an admin, whose role needs no entry', async () => {
    const admin = new Client(mesh.url, tokenFor('admin'));
    expect((await admin.get('/tasks')).status).toBe(200);
  });
});
