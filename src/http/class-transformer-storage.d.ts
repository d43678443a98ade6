/** Where class-transformer keeps what `@Type` says: its package has no other way to it. */
declare module 'class-transformer/cjs/storage.js' {
  export { defaultMetadataStorage } from 'class-transformer/types/storage.js';
}
