export { isHubSpec, parseHubSpec } from './hub-spec.js';
export type { HubSpec } from './hub-spec.js';
export type { HubOptions, RetryOptions } from './hub-options.js';
export { resolveSource } from './resolve-source.js';
export type { ResolveOptions } from './resolve-source.js';
export { openRemoteFile } from './remote-file.js';
