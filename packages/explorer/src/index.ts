export { serveExplorer } from './serve-explorer.js';
export type { ExplorerOptions } from './serve-explorer.js';
export { buildStatic } from './build-static.js';
export type { StaticOptions, StaticSite } from './build-static.js';
export type { Address, Served } from './server/listen.js';
