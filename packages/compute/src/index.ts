export { tf } from './tf.js';
export { useBackend } from './backend.js';
export type { BackendInfo } from './backend.js';
