/**
 * Returns the Content Security Policy of the console (CSP Level 3): scripts and styles of the controller only, no inline
 * script, style elements with the nonce only, and requests to the controller and the issuer only.
 */
export function consolePolicy(nonce: string, issuer: string | undefined): string {
  const connect = issuer === undefined ? "'self'" : `'self' ${new URL(issuer).origin}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}
