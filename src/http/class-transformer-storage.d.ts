/** The part of class-transformer that its typings leave out: what `@Type` says of a member. */
declare module 'class-transformer/cjs/storage.js' {
  export const defaultMetadataStorage: {
    findTypeMetadata(
      target: new () => object,
      propertyName: string,
    ): { typeFunction: () => unknown } | undefined;
  };
}
