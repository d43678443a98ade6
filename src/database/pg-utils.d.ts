/** The part of the driver that its typings leave out. */
declare module 'pg/lib/utils.js' {
  const utils: {
    /** A parameter as it is sent. Throws what its conversion throws. */
    prepareValue: (value: unknown) => string | Buffer | null;
  };
  export default utils;
}
