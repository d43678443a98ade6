/** Returns a validator of the search parameters of a page: the named ones, as texts that are not empty. */
export function textsOf<Name extends string>(...names: readonly Name[]) {
  return (search: Record<string, unknown>): Partial<Record<Name, string>> => {
    const texts: Partial<Record<Name, string>> = {};
    for (const name of names) {
      const value = search[name];
      if (typeof value === 'string' && value !== '') texts[name] = value;
      else if (typeof value === 'number' || typeof value === 'boolean') texts[name] = String(value);
    }
    return texts;
  };
}

/** Returns the value that a text names; undefined if it names none of them. */
export function oneOf<Value extends string>(
  values: readonly Value[],
  text: string | undefined,
): Value | undefined {
  return values.find((value) => value === text);
}
