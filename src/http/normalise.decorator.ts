import type { WarningDto } from './warnings.js';

/**
 * Rewrites what v0.4 clients send into the one vocabulary of a request, before it is validated; not called with
 * `LEGACY_V04=false`. It calls `warn` for what its sender may not have meant.
 */
export type Normaliser = (body: unknown, warn: (warning: WarningDto) => void) => unknown;

const normalisers = new WeakMap<object, Normaliser>();

/** Gives the DTO class it decorates a {@link Normaliser}. */
export function Normalised(normaliser: Normaliser): ClassDecorator {
  return (dto) => {
    normalisers.set(dto, normaliser);
  };
}

export function normaliserOf(dto: object): Normaliser | undefined {
  return normalisers.get(dto);
}
