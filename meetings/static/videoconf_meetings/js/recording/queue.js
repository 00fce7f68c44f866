// @ts-check
// Where chunks wait until the server has them: IndexedDB, so that they outlive the page; else the page's memory.

const DATABASE = "videoconf-recording";
const LIMIT = 256 * 1024 * 1024;
const MEMORY_LIMIT = 64 * 1024 * 1024;

/**
 * A segment that is not wholly at the server. Times are this device's, in milliseconds; `offset` is what to add for the server's.
 * `recorded` is the number of chunks so far, `count` the final one.
 * @typedef {{
 *   track: string, meeting: string, archive: string, kind: "camera" | "screen", since: number, startedAt: number | null,
 *   offset: number | null, address: string | null, ticket: string | null, ticketUntil: number, recorded: number,
 *   count: number | null, bytes: number,
 * }} Row
 */

/** `at`: when the page had it, by this device's clock. @typedef {{sequence: number, bytes: ArrayBuffer, at?: number | null}} Chunk */

/**
 * @typedef {{
 *   rows: () => Promise<Row[]>,
 *   row: (track: string) => Promise<Row | undefined>,
 *   open: (row: Row) => Promise<void>,
 *   change: (track: string, changes: Partial<Row>) => Promise<void>,
 *   add: (track: string, chunk: Chunk) => Promise<"kept" | "full" | "gone">,
 *   next: (track: string) => Promise<Chunk | null>,
 *   remove: (track: string, chunk: Chunk) => Promise<void>,
 *   drop: (track: string) => Promise<void>,
 * }} Queue
 */

/** The queue of this browser. @param {number} [limit] bytes @returns {Promise<Queue>} */
export async function openQueue(limit) {
  try {
    const queue = new IndexedQueue(await openDatabase(), limit ?? LIMIT);
    await queue.rows();
    return queue;
  } catch {
    // Private windows, storage switched off.
    return memoryQueue(limit);
  }
}

/** A queue that is gone with its page. @param {number} [limit] bytes @returns {Queue} */
export function memoryQueue(limit) {
  return new MemoryQueue(limit ?? MEMORY_LIMIT);
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => {
    request.result.createObjectStore("tracks", { keyPath: "track" });
    request.result.createObjectStore("chunks", { keyPath: ["track", "sequence"] });
  });
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => {
      // A later version of this page may want to change the tables.
      request.result.addEventListener("versionchange", () => request.result.close());
      resolve(request.result);
    });
    request.addEventListener("error", () => reject(request.error));
    request.addEventListener("blocked", () => reject(new Error("Another page holds the database.")));
  });
}

/** @template Result @param {IDBRequest<Result>} request @returns {Promise<Result>} */
function result(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

/** All chunks of a track, in order. @param {string} track */
const allOf = (track) => IDBKeyRange.bound([track, 0], [track, Infinity]);

/** @implements {Queue} */
class IndexedQueue {
  #database;
  #limit;

  /** @param {IDBDatabase} database @param {number} limit */
  constructor(database, limit) {
    this.#database = database;
    this.#limit = limit;
  }

  /**
   * @template Result
   * @param {IDBTransactionMode} mode
   * @param {(tracks: IDBObjectStore, chunks: IDBObjectStore) => Promise<Result>} work must await nothing but its own requests
   * @returns {Promise<Result>} once it is stored
   */
  async #within(mode, work) {
    const transaction = this.#database.transaction(["tracks", "chunks"], mode);
    const stored = new Promise((resolve, reject) => {
      transaction.addEventListener("complete", () => resolve(null));
      transaction.addEventListener("abort", () =>
        reject(transaction.error ?? new Error("The transaction was aborted.")),
      );
    });
    const [answer] = await Promise.all([
      work(transaction.objectStore("tracks"), transaction.objectStore("chunks")),
      stored,
    ]);
    return answer;
  }

  /** @returns {Promise<Row[]>} */
  rows() {
    return this.#within("readonly", (tracks) => result(tracks.getAll()));
  }

  /** @param {string} track @returns {Promise<Row | undefined>} */
  row(track) {
    return this.#within("readonly", (tracks) => result(tracks.get(track)));
  }

  /** @param {Row} row */
  async open(row) {
    await this.#within("readwrite", (tracks) => result(tracks.put(row)));
  }

  /** @param {string} track @param {Partial<Row>} changes */
  async change(track, changes) {
    await this.#within("readwrite", async (tracks) => {
      const row = await result(tracks.get(track));
      if (row) tracks.put({ ...row, ...changes });
    });
  }

  /** @param {string} track @param {Chunk} chunk */
  async add(track, chunk) {
    try {
      return await this.#within("readwrite", (tracks, chunks) => this.#add(tracks, chunks, track, chunk));
    } catch {
      // The disk is full, or the browser says that this site has had its share.
      return "full";
    }
  }

  /**
   * @param {IDBObjectStore} tracks @param {IDBObjectStore} chunks @param {string} track @param {Chunk} chunk
   * @returns {Promise<"kept" | "full" | "gone">}
   */
  async #add(tracks, chunks, track, { sequence, bytes, at }) {
    /** @type {Row[]} */
    const rows = await result(tracks.getAll());
    const row = rows.find((one) => one.track === track);
    if (!row) return "gone";
    const size = bytes.byteLength;
    const isFull = rows.reduce((sum, one) => sum + one.bytes, size) > this.#limit;
    tracks.put({ ...row, recorded: sequence + 1, bytes: row.bytes + (isFull ? 0 : size) });
    if (!isFull) chunks.put({ track, sequence, bytes, at });
    return isFull ? "full" : "kept";
  }

  /** @param {string} track @returns {Promise<Chunk | null>} */
  next(track) {
    return this.#within("readonly", async (_, chunks) => {
      const cursor = await result(chunks.openCursor(allOf(track)));
      if (!cursor) return null;
      const { sequence, bytes, at } = cursor.value;
      return { sequence, bytes, at };
    });
  }

  /** @param {string} track @param {Chunk} chunk */
  async remove(track, { sequence, bytes }) {
    await this.#within("readwrite", async (tracks, chunks) => {
      chunks.delete([track, sequence]);
      const row = await result(tracks.get(track));
      if (row) tracks.put({ ...row, bytes: Math.max(0, row.bytes - bytes.byteLength) });
    });
  }

  /** @param {string} track */
  async drop(track) {
    await this.#within("readwrite", async (tracks, chunks) => {
      chunks.delete(allOf(track));
      await result(tracks.delete(track));
    });
  }
}

/** @implements {Queue} */
class MemoryQueue {
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {Map<string, Chunk[]>} */ #chunks = new Map();
  #limit;

  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit;
  }

  async rows() {
    return [...this.#rows.values()];
  }

  /** @param {string} track */
  async row(track) {
    return this.#rows.get(track);
  }

  /** @param {Row} row */
  async open(row) {
    this.#rows.set(row.track, row);
    this.#chunks.set(row.track, []);
  }

  /** @param {string} track @param {Partial<Row>} changes */
  async change(track, changes) {
    const row = this.#rows.get(track);
    if (row) this.#rows.set(track, { ...row, ...changes });
  }

  /** @param {string} track @param {Chunk} chunk @returns {Promise<"kept" | "full" | "gone">} */
  async add(track, chunk) {
    const row = this.#rows.get(track);
    if (!row) return "gone";
    const size = chunk.bytes.byteLength;
    const isFull = [...this.#rows.values()].reduce((sum, one) => sum + one.bytes, size) > this.#limit;
    this.#rows.set(track, { ...row, recorded: chunk.sequence + 1, bytes: row.bytes + (isFull ? 0 : size) });
    if (!isFull) this.#chunks.get(track)?.push(chunk);
    return isFull ? "full" : "kept";
  }

  /** @param {string} track */
  async next(track) {
    return this.#chunks.get(track)?.[0] ?? null;
  }

  /** @param {string} track @param {Chunk} chunk */
  async remove(track, { sequence, bytes }) {
    const kept = this.#chunks.get(track)?.filter((one) => one.sequence !== sequence);
    if (kept) this.#chunks.set(track, kept);
    const row = this.#rows.get(track);
    if (row) this.#rows.set(track, { ...row, bytes: Math.max(0, row.bytes - bytes.byteLength) });
  }

  /** @param {string} track */
  async drop(track) {
    this.#rows.delete(track);
    this.#chunks.delete(track);
  }
}
