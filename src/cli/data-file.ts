import { parse } from 'csv-parse';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UsageError } from '../usage-error.js';

/** A row longer than this is no table's row (an unclosed quote swallows the rest of a file). */
const ROW_BYTES_MAX = 1_000_000;
const COLUMNS_MAX = 2_000;

export interface DataRow {
  /** Line of the file, 1 = the header. */
  readonly line: number;
  /** Cells in the header's order. */
  readonly cells: readonly string[];
}

/** A CSV file with a header, gzip or plain (by its content, not its name). Rows are streamed: any size fits. */
export interface DataFile {
  readonly path: string;
  readonly header: readonly string[];
  /** From the first row on at every call. @throws UsageError naming the line that is broken */
  rows(onProgress?: (share: number) => void): AsyncIterable<DataRow>;
}

/** @throws UsageError when the file is missing, empty, or its header cannot be used */
export const openDataFile = async (path: string): Promise<DataFile> => {
  const compressed = await isGzip(path);
  const header = await readHeader(path, compressed);
  return {
    path,
    header,
    async *rows(onProgress) {
      let first = true;
      for await (const row of parseRows(path, compressed, header.length, onProgress)) {
        if (!first) yield row;
        first = false;
      }
    },
  };
};

/**
 * Positions of columns in the header.
 *
 * @throws UsageError naming the first missing column and those that there are
 */
export const columnPositions = (file: DataFile, names: readonly string[], askedBy: string): readonly number[] =>
  names.map((name) => {
    const position = file.header.indexOf(name);
    if (position >= 0) return position;
    const shown = file.header.slice(0, 12).join(', ') + (file.header.length > 12 ? ', …' : '');
    throw new UsageError(`${file.path} has no column "${name}" (${askedBy}); its columns are ${shown}`);
  });

const isGzip = async (path: string): Promise<boolean> => {
  try {
    if ((await stat(path)).isDirectory()) throw new UsageError(`${path} is a folder; expected a CSV file`);
    const handle = await open(path);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      if (bytesRead === 0) throw new UsageError(`${path} is empty; expected a CSV file with a header`);
      return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readError(path, error);
  }
};

const readHeader = async (path: string, compressed: boolean): Promise<readonly string[]> => {
  for await (const { cells: header } of parseRows(path, compressed, null)) {
    if (header.length > COLUMNS_MAX)
      throw new UsageError(`${path} has ${header.length} columns; at most ${COLUMNS_MAX} are read`);
    const blank = header.findIndex((name) => name.trim() === '');
    if (blank >= 0) throw new UsageError(`${path}: column ${blank + 1} of the header has no name`);
    const twice = header.find((name, i) => header.indexOf(name) !== i);
    if (twice !== undefined) throw new UsageError(`${path}: the header names the column "${twice}" twice`);
    return header;
  }
  throw new UsageError(`${path} is empty; expected a CSV file with a header`);
};

/** All rows, the header included. `width`: number of cells that every row must have; null for the header alone. */
async function* parseRows(
  path: string,
  compressed: boolean,
  width: number | null,
  onProgress?: (share: number) => void,
): AsyncGenerator<DataRow> {
  const size = (await stat(path)).size;
  const file = createReadStream(path);
  let read = 0;
  file.on('data', (chunk) => {
    read += chunk.length;
    onProgress?.(read / size);
  });
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: ROW_BYTES_MAX,
  });
  // pipeline hands every stage's error to the parser, whose iterator throws it.
  const done = (): void => undefined;
  if (compressed) pipeline(file, createGunzip(), parser, done);
  else pipeline(file, parser, done);
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (width !== null && record.length !== width)
        throw new UsageError(`${path}, line ${info.lines}: ${record.length} cells; the header has ${width}`);
      yield { line: info.lines, cells: record };
    }
  } catch (error) {
    throw readError(path, error);
  } finally {
    file.destroy();
  }
}

const readError = (path: string, error: unknown): Error => {
  if (error instanceof UsageError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new UsageError(`there is no file ${path}`);
  if (code?.startsWith('Z_') || code === 'ERR_STREAM_PREMATURE_CLOSE')
    return new UsageError(`${path} is damaged gzip: ${message}`);
  return new UsageError(`${path} cannot be read as CSV: ${message}`);
};
