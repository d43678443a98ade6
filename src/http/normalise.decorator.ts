import type { WarningDto } from './warnings.js';

/**
 * Converts a body of v0.4 to the current format before validation. Not called with `LEGACY_V04=false`. Calls `warn` for a
 * part that its sender may not have intended.
 */
export type Normaliser = (body: unknown, warn: (warning: WarningDto) => void) => unknown;

const normalisers = new WeakMap<object, Normaliser>();

/** Sets the {@link Normaliser} of a DTO class. */
export function Normalised(normaliser: Normaliser): ClassDecorator {
  return (dto) => {
    normalisers.set(dto, normaliser);
  };
}

export function normaliserOf(dto: object): Normaliser | undefined {
  return normalisers.get(dto);
}

/** Makes a body storable, after the {@link Normaliser}. */
export type Repair = (body: unknown) => unknown;

const repairs = new WeakMap<object, Repair>();

/** Sets the {@link Repair} of a DTO class. */
export function Repaired(repair: Repair): ClassDecorator {
  return (dto) => {
    repairs.set(dto, repair);
  };
}

export function repairOf(dto: object): Repair | undefined {
  return repairs.get(dto);
}
