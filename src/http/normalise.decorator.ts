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

/** Makes of a body what can be stored, for every client, after the names of older clients are replaced. */
export type Repair = (body: unknown) => unknown;

const repairs = new WeakMap<object, Repair>();

/** Gives the DTO class it decorates a {@link Repair}. */
export function Repaired(repair: Repair): ClassDecorator {
  return (dto) => {
    repairs.set(dto, repair);
  };
}

export function repairOf(dto: object): Repair | undefined {
  return repairs.get(dto);
}
