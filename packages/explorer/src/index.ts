export { serveExplorer } from './serve-explorer.js';
export type { ExplorerOptions } from './serve-explorer.js';
export { buildStatic } from './build-static.js';
export type { StaticOptions, StaticSite } from './build-static.js';
export type { Address, Served } from './server/listen.js';
export { serveRating } from './serve-rating.js';
export type { RatingOptions, ServedRating } from './serve-rating.js';
export { ratingCsv, ratingResult } from './rating/rating-export.js';
export type { OpenedAnswer, RatingReport } from './rating/rating-export.js';
