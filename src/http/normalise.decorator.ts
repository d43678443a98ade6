/** Rewrites what older clients send into the one vocabulary of a request, before it is validated. */
export type Normaliser = (body: unknown) => unknown;

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
