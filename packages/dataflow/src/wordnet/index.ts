export { parseDataFile, parseGloss } from './parse-data-file.js';
export { POINTERS, senseKey } from './synset.js';
export type { PointerKind, Synset, SynsetPointer, SynsetPos } from './synset.js';
