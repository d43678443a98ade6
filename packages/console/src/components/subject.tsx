/** The readable part of a subject, `iss#sub`. The whole subject shows on hover. */
export function Subject({ of }: { of: string }) {
  const [issuer, sub] = of.split(/#(.*)/s);
  return <bdi title={of}>{sub === undefined || sub === '' ? issuer : sub}</bdi>;
}
