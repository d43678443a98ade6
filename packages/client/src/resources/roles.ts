import type { RequestOptions } from '../http.js';
import type { Role, PauseRoleBody } from '../types.js';
import { Resource, segment } from './resource.js';

/** Roles: their queues. Changes require the role `admin`. */
export class Roles extends Resource {
  /** Returns whether a role is paused, with the reason and the end of the pause. */
  get(role: string, options?: RequestOptions): Promise<Role> {
    return this.read(`/roles/${segment(role)}`, options);
  }

  /** Returns the paused roles. */
  async paused(options?: RequestOptions): Promise<Role[]> {
    return (await this.read<{ roles: Role[] }>('/roles', options)).roles;
  }

  /** Pauses a role: nobody can claim its tasks. */
  pause(role: string, pause: PauseRoleBody, options?: RequestOptions): Promise<Role> {
    return this.write(`/roles/${segment(role)}/pause`, pause, options);
  }

  /** Resumes a paused role. */
  resume(role: string, options?: RequestOptions): Promise<Role> {
    return this.write(`/roles/${segment(role)}/resume`, {}, options);
  }
}
