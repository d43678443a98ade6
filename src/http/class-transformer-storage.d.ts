/** A module of class-transformer that its types omit: the metadata of `@Type`. */
declare module 'class-transformer/cjs/storage.js' {
  export const defaultMetadataStorage: {
    findTypeMetadata(
      target: new () => object,
      propertyName: string,
    ): { typeFunction: () => unknown } | undefined;
  };
}
