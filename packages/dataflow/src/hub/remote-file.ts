import { SalmonError } from '../errors.js';
import type { ByteSource } from '../safetensors/index.js';
import { hubFetch } from './hub-fetch.js';
import { fileUrl, hubSettings } from './hub-options.js';
import type { HubOptions } from './hub-options.js';
import { parseHubSpec } from './hub-spec.js';

/**
 * A file on the hub as a byte source that fetches only the ranges asked for: `openSafetensors` on it reads a header or single
 * tensors of a large checkpoint without downloading it. Throws `usage`, `network`, or `unsupported` where the server knows no ranges.
 *
 * @example
 * const weights = await openSafetensors(await openRemoteFile('hf:org/name/model.safetensors'));
 */
export async function openRemoteFile(source: string, options: HubOptions = {}): Promise<ByteSource> {
  const spec = parseHubSpec(source);
  const settings = hubSettings(options);
  if (spec.path === '') throw new SalmonError('usage', { what: 'No file was named', expected: 'hf:org/name/file', got: source });
  if (settings.offline) {
    throw new SalmonError('missing-file', { what: 'A remote file cannot be read while downloads are switched off', where: source, todo: 'Unset HF_HUB_OFFLINE' });
  }
  const url = fileUrl(settings, spec, spec.path);
  const get = hubFetch(settings);
  const range = async (from: number, to: number): Promise<Response> => {
    const response = await get(url, { headers: { range: `bytes=${from}-${to - 1}` } });
    if (response.status === 206) return response;
    await response.body?.cancel();
    throw new SalmonError('unsupported', { what: 'The server does not serve parts of files', where: url, expected: 'HTTP 206', got: `HTTP ${response.status}`, todo: 'Download the whole repository' });
  };
  const first = await range(0, 1);
  await first.arrayBuffer();
  const size = Number(/\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1]);
  if (!Number.isSafeInteger(size)) {
    throw new SalmonError('network', { what: 'The server does not say how long the file is', where: url, got: String(first.headers.get('content-range')) });
  }
  return {
    label: source,
    size,
    read: async (into, offset) => {
      if (into.byteLength === 0) return;
      const bytes = new Uint8Array(await (await range(offset, offset + into.byteLength)).arrayBuffer());
      if (bytes.byteLength !== into.byteLength) {
        throw new SalmonError('network', { what: 'A part of a remote file came short', where: url, expected: `${into.byteLength} bytes`, got: `${bytes.byteLength}` });
      }
      into.set(bytes);
    },
    close: async () => undefined,
  };
}
