import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { SalmonError } from '../errors.js';
import { asFileError } from '../file-error.js';
import { readBytes, readSeal, readSealed } from './seal.js';
import type { SealedGroup } from './seal.js';

/** Opens a file whose footer has been checked against its seal; row groups are checked as they are loaded. */
export async function openBytes(path: string): Promise<SealedBytes> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    return new SealedBytes(path, file, size, await readSeal(file, size, path));
  } catch (error) {
    await file?.close();
    throw asFileError(error, path, 'read');
  }
}

export class SealedBytes {
  private loaded: { readonly offset: number; readonly bytes: Buffer } | undefined;
  private open = true;

  constructor(
    readonly path: string,
    private readonly file: FileHandle,
    readonly size: number,
    private readonly sections: readonly SealedGroup[],
  ) {}

  async load(group: number): Promise<void> {
    const sealed = this.sections[group];
    if (sealed === undefined) throw new SalmonError('bad-file', { what: 'A row group lies outside the seal', where: `${this.path}, row group ${group}`, todo: 'Make the file again' });
    this.loaded = { offset: sealed.offset, bytes: await readSealed(this.file, sealed, `${this.path}, row group ${group}`) };
  }

  /** Checks what stands after the row groups: indexes, which only other readers use. */
  async checkAfter(groups: number): Promise<void> {
    for (const section of this.sections.slice(groups)) await readSealed(this.file, section, this.path);
  }

  drop(): void {
    this.loaded = undefined;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const at = this.loaded === undefined ? -1 : offset - this.loaded.offset;
    if (this.loaded !== undefined && at >= 0 && at + length <= this.loaded.bytes.length) return this.loaded.bytes.subarray(at, at + length);
    const bytes = await readBytes(this.file, offset, length);
    if (bytes !== undefined) return bytes;
    throw new SalmonError('bad-file', { what: 'A Parquet file ends before its contents', where: this.path, expected: `${offset + length} bytes`, got: String(this.size), todo: 'Make the file again' });
  }

  async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await this.file.close();
  }
}
