/** A part of the driver that its type definitions omit. */
declare module 'pg/lib/utils.js' {
  const utils: {
    /** Converts a parameter to its wire format. Throws the errors of that conversion, for example of `toJSON`. */
    prepareValue: (value: unknown) => string | Buffer | null;
  };
  export default utils;
}
