/** Argument of a {@link TokenProvider}. */
export interface TokenContext {
  /** A token that the controller has refused. The provider returns another one if it can. */
  readonly rejected?: string;
}

/** Returns an access token. It is called before each request, so it caches the token. */
export type TokenProvider = (context?: TokenContext) => string | Promise<string>;
