import type { RequestOptions } from '../http.js';
import type { Role, PauseRoleBody } from '../types.js';
import { Resource, segment } from './resource.js';

export class Roles extends Resource {
  get(role: string, options?: RequestOptions): Promise<Role> {
    return this.read(`/roles/${segment(role)}`, options);
  }

  /** Returns the paused roles. */
  async paused(options?: RequestOptions): Promise<Role[]> {
    return (await this.read<{ roles: Role[] }>('/roles', options)).roles;
  }

  pause(role: string, pause: PauseRoleBody, options?: RequestOptions): Promise<Role> {
    return this.write(`/roles/${segment(role)}/pause`, pause, options);
  }

  resume(role: string, options?: RequestOptions): Promise<Role> {
    return this.write(`/roles/${segment(role)}/resume`, {}, options);
  }
}
