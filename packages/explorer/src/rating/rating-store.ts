import { readFile } from 'node:fs/promises';
import { ratingEventSchema } from '@salmon-sae/autointerp';
import type { BlindItems, RatingEvent, RatingItem, RatingKey, RatingSession } from '@salmon-sae/autointerp';
import { SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import initSqlJs from 'sql.js';
import type { Database, SqlJsStatic } from 'sql.js';

const SCHEMA = `
  CREATE TABLE session (seed INTEGER NOT NULL, contexts INTEGER NOT NULL);
  CREATE TABLE items (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, label TEXT NOT NULL, contexts TEXT NOT NULL);
  CREATE TABLE keys (id TEXT PRIMARY KEY REFERENCES items (id), pair INTEGER NOT NULL, sae TEXT NOT NULL, latent INTEGER NOT NULL);
  CREATE TABLE events (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, rater TEXT NOT NULL, item TEXT, fits INTEGER, verdict TEXT, at TEXT NOT NULL);
`;

/** A rating session in one SQLite file. Every change rewrites the file atomically, so a killed server loses nothing that it has answered for. */
export class RatingStore {
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly path: string,
    private readonly sql: SqlJsStatic,
    /** Fixed when the session is made. */
    readonly items: readonly RatingItem[],
    readonly keys: readonly RatingKey[],
    private readonly fixed: { readonly seed: number; readonly contexts: number },
  ) {}

  /** Opens the session of a file, or throws `missing-file`, `bad-file`. */
  static async open(path: string): Promise<RatingStore> {
    const sql = await initSqlJs();
    const db = await readDatabase(sql, path);
    try {
      const fixed = rows(db, 'SELECT seed, contexts FROM session')[0] as { seed: number; contexts: number } | undefined;
      if (fixed === undefined) throw new SalmonError('bad-file', { what: 'A rating file holds no session', where: path });
      const items = rows(db, 'SELECT id, label, contexts FROM items ORDER BY position').map((row) => ({
        id: String(row['id']),
        label: String(row['label']),
        contexts: JSON.parse(String(row['contexts'])) as RatingItem['contexts'],
      }));
      const keys = rows(db, 'SELECT id, pair, sae, latent FROM keys ORDER BY id').map((row) => ({
        id: String(row['id']),
        pair: Number(row['pair']),
        sae: String(row['sae']),
        latent: Number(row['latent']),
      }));
      return new RatingStore(path, sql, items, keys, fixed);
    } finally {
      db.close();
    }
  }

  /** Writes a new session. */
  static async create(path: string, blind: BlindItems, fixed: { readonly seed: number; readonly contexts: number }): Promise<RatingStore> {
    const sql = await initSqlJs();
    const db = new sql.Database();
    try {
      db.run(SCHEMA);
      db.run('INSERT INTO session VALUES (?, ?)', [fixed.seed, fixed.contexts]);
      blind.items.forEach(({ id, label, contexts }, i) => db.run('INSERT INTO items VALUES (?, ?, ?, ?)', [i, id, label, JSON.stringify(contexts)]));
      for (const { id, pair, sae, latent } of blind.keys) db.run('INSERT INTO keys VALUES (?, ?, ?, ?)', [id, pair, sae, latent]);
      await writeFileAtomic(path, db.export());
    } finally {
      db.close();
    }
    return RatingStore.open(path);
  }

  async session(): Promise<RatingSession> {
    const db = await readDatabase(this.sql, this.path);
    try {
      const events = rows(db, 'SELECT kind, rater, item, fits, verdict, at FROM events ORDER BY n').map((row): RatingEvent =>
        ratingEventSchema.parse(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))),
      );
      return { ...this.fixed, items: this.items.map(({ id }) => id), events };
    } finally {
      db.close();
    }
  }

  /** Adds one event that `decide` makes from the session as it stands; one after the other. */
  append(decide: (session: RatingSession) => RatingEvent): Promise<RatingSession> {
    const next = this.tail.then(async () => {
      const session = await this.session();
      const event = decide(session);
      const db = await readDatabase(this.sql, this.path);
      try {
        const answer = event.kind === 'answer' ? [event.item, event.fits, event.verdict] : [null, null, null];
        db.run('INSERT INTO events (kind, rater, item, fits, verdict, at) VALUES (?, ?, ?, ?, ?, ?)', [event.kind, event.rater, ...answer, event.at]);
        await writeFileAtomic(this.path, db.export());
      } finally {
        db.close();
      }
      return { ...session, events: [...session.events, event] };
    });
    // The queue goes on after a refused event; the caller gets the refusal.
    this.tail = next.catch(() => undefined);
    return next;
  }
}

async function readDatabase(sql: SqlJsStatic, path: string): Promise<Database> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new SalmonError('missing-file', { what: 'The run has no rating session', where: path, expected: 'a rating session', got: (cause as NodeJS.ErrnoException).code ?? 'nothing', todo: 'Start one with `salmon rate`' }, { cause });
  }
  const db = new sql.Database(bytes);
  try {
    db.exec('SELECT n FROM events LIMIT 1');
    return db;
  } catch (cause) {
    db.close();
    throw new SalmonError('bad-file', { what: 'A rating file cannot be read', where: path, expected: 'an SQLite file that `salmon rate` wrote', got: (cause as Error).message, todo: 'Restore it from a backup, or move it away to start anew' }, { cause });
  }
}

function rows(db: Database, query: string): readonly Record<string, string | number | null>[] {
  const statement = db.prepare(query);
  const out: Record<string, string | number | null>[] = [];
  try {
    while (statement.step()) out.push(statement.getAsObject() as Record<string, string | number | null>);
  } finally {
    statement.free();
  }
  return out;
}
