import { type Caller, createClient } from '@agent-mesh/client';
import { BASE_URL } from '../api/addresses';

export type SessionState =
  | { readonly status: 'starting' }
  | { readonly status: 'signed_out'; readonly reason: 'first' | 'expired' | 'left' }
  | { readonly status: 'signed_in'; readonly token: string; readonly me: Caller };

/** The token of the person and its identity. In memory only. */
class Session {
  private state: SessionState = { status: 'starting' };
  private readonly listeners = new Set<() => void>();

  get token(): string | undefined {
    return this.state.status === 'signed_in' ? this.state.token : undefined;
  }

  readonly snapshot = (): SessionState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /**
   * Accepts a token after the API has accepted it.
   *
   * @throws ProblemError if the API refuses the token
   */
  async signIn(token: string): Promise<void> {
    const me = await createClient({ baseUrl: BASE_URL, token, maxRetries: 0 }).me();
    this.change({ status: 'signed_in', token, me });
  }

  /** Replaces the token of the same person. */
  renew(token: string): void {
    if (this.state.status === 'signed_in') this.change({ ...this.state, token });
  }

  /** Ends the session whose token the API refused. Another token may have replaced it meanwhile. */
  expire(token: string): void {
    if (this.token === token) this.change({ status: 'signed_out', reason: 'expired' });
  }

  end(reason: 'first' | 'left'): void {
    this.change({ status: 'signed_out', reason });
  }

  private change(state: SessionState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

export const session = new Session();
