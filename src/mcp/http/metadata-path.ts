/** Path of the metadata of the protected resource (RFC 9728). */
export const METADATA_PATH = '.well-known/oauth-protected-resource';
