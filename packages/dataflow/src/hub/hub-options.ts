import { join } from 'node:path';
import { getHFHubCachePath, HUB_URL } from '@huggingface/hub';
import type { Progress } from '../progress.js';
import type { HubSpec } from './hub-spec.js';

export interface HubOptions {
  /** Uses what is in the cache and opens no connection; default: HF_HUB_OFFLINE. */
  readonly offline?: boolean;
  /** Access token; default: HF_TOKEN. */
  readonly token?: string;
  /** Default: HF_ENDPOINT, or the public hub. */
  readonly hubUrl?: string;
  /** Default: HF_HUB_CACHE, or the usual place under HF_HOME or the home folder. */
  readonly cacheDir?: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
  readonly retry?: RetryOptions;
}

export interface RetryOptions {
  /** Tries of one request before it is given up (default 5). */
  readonly attempts?: number;
  /** Wait after the first failure, doubled after each further one, in ms (default 500). */
  readonly waitMs?: number;
  /** Longest wait that a Retry-After header may ask for, in ms (default 120,000). */
  readonly longestWaitMs?: number;
}

/** Options with the environment's defaults filled in. */
export interface HubSettings {
  readonly offline: boolean;
  readonly token: string | undefined;
  readonly hubUrl: string;
  readonly cacheDir: string;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly retry: Required<RetryOptions>;
}

export function hubSettings(options: HubOptions): HubSettings {
  const { env } = process;
  const flag = (env['HF_HUB_OFFLINE'] ?? '').toLowerCase();
  return {
    offline: options.offline ?? ['1', 'true', 'yes', 'on'].includes(flag),
    token: options.token ?? nonEmpty(env['HF_TOKEN']),
    hubUrl: (options.hubUrl ?? nonEmpty(env['HF_ENDPOINT']) ?? HUB_URL).replace(/\/+$/, ''),
    cacheDir: options.cacheDir ?? getHFHubCachePath(),
    onProgress: options.onProgress,
    signal: options.signal,
    retry: { attempts: 5, waitMs: 500, longestWaitMs: 120_000, ...options.retry },
  };
}

/** The folder of a repository in the cache, laid out as huggingface_hub does it: blobs, refs, snapshots. */
export function repositoryFolder(settings: HubSettings, spec: HubSpec): string {
  return join(settings.cacheDir, [`${spec.type}s`, ...spec.name.split('/')].join('--'));
}

/** Where a file of a revision is served. */
export function fileUrl(settings: HubSettings, spec: HubSpec, file: string): string {
  const kind = spec.type === 'model' ? '' : 'datasets/';
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${settings.hubUrl}/${kind}${spec.name}/resolve/${encodeURIComponent(spec.revision)}/${path}`;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
