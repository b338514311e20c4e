import { rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { ByteSink } from 'parquetjs-lite';
import { sealOf, sectionOf } from './seal.js';
import type { Section } from './seal.js';

/**
 * Takes parquetjs-lite's writes (the leading magic, one per row group, the page indexes, the footer last), seals them, and remembers the first
 * failure, because the library does not await all its writes. Holds one section: only at the end is it known which is the footer.
 */
export class FileSink implements ByteSink {
  file: FileHandle | undefined;
  private failure: unknown;
  private queue: Promise<void> = Promise.resolve();
  private held: Uint8Array | undefined;
  private readonly sections: Section[] = [];

  write(bytes: Uint8Array, done: (error?: Error) => void): void {
    const section = this.held;
    this.held = bytes;
    if (section !== undefined) {
      this.sections.push(sectionOf(section));
      this.enqueue(section);
    }
    void this.queue.then(() => done());
  }

  end(done: (error?: Error) => void): void {
    const footer = this.held;
    this.held = undefined;
    if (footer !== undefined) {
      this.enqueue(sealOf(this.sections, footer));
      this.enqueue(footer);
    }
    void this.queue.then(() => done());
  }

  check(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  async finish(): Promise<void> {
    await this.queue;
    const file = this.file;
    this.file = undefined;
    try {
      await file?.sync();
    } finally {
      await file?.close();
    }
  }

  async discard(path: string): Promise<void> {
    await this.queue;
    const file = this.file;
    this.file = undefined;
    // Where even this fails (no such folder), the first failure is the one to tell.
    await file?.close().catch(() => undefined);
    await rm(path, { force: true }).catch(() => undefined);
  }

  private enqueue(bytes: Uint8Array): void {
    this.queue = this.queue.then(async () => {
      try {
        if (this.failure === undefined) await this.file?.writeFile(bytes);
      } catch (error) {
        this.failure = error;
      }
    });
  }
}
