import { createHash } from 'node:crypto';

/** A stored model: plain JSON and named raw arrays. Never executable. */
export interface Artifact {
  readonly estimator: string;
  /** JSON-serialisable; numbers that must survive to the bit belong into `arrays`. */
  readonly meta: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Record<string, Float32Array | Float64Array>>;
}

const MAGIC = 'SURPRISAL1';

/**
 * Container: magic, SHA-256 of all that follows, length of the JSON header (uint32 LE), header, then the arrays,
 * each aligned to 8 bytes, in the header's order.
 */
export const encodeArtifacts = (
  artifacts: Readonly<Record<string, Artifact>>,
  meta: Readonly<Record<string, unknown>>,
): Uint8Array => {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const entries = Object.entries(artifacts).map(([name, artifact]) => ({
    name,
    estimator: artifact.estimator,
    meta: artifact.meta,
    arrays: Object.entries(artifact.arrays).map(([array, values]) => {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
      const at = offset;
      const padding = (8 - (bytes.length % 8)) % 8;
      chunks.push(bytes, new Uint8Array(padding));
      offset += bytes.length + padding;
      return { name: array, type: values instanceof Float64Array ? 'f64' : 'f32', offset: at, length: values.length };
    }),
  }));
  const json = new TextEncoder().encode(JSON.stringify({ meta, entries }));
  const pad = (8 - ((json.length + 4 + MAGIC.length + 32) % 8)) % 8;
  const header = new Uint8Array(json.length + pad).fill(32);
  header.set(json);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, header.length, true);
  const body = concat([length, header, ...chunks]);
  return concat([new TextEncoder().encode(MAGIC), createHash('sha256').update(body).digest(), body]);
};

export interface DecodedArtifacts {
  readonly artifacts: Readonly<Record<string, Artifact>>;
  readonly meta: Readonly<Record<string, unknown>>;
  /** Hex SHA-256 of the contents. */
  readonly checksum: string;
}

interface Header {
  meta: Record<string, unknown>;
  entries: {
    name: string;
    estimator: string;
    meta: Record<string, unknown>;
    arrays: { name: string; type: 'f32' | 'f64'; offset: number; length: number }[];
  }[];
}

/** @throws Error "not a Surprisal model …" or "… checksum …" when the bytes are not what was written */
export const decodeArtifacts = (bytes: Uint8Array): DecodedArtifacts => {
  const start = MAGIC.length + 32;
  if (bytes.length < start + 4 || new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    throw new Error(`not a Surprisal model: expected the bytes ${MAGIC} at the start`);
  const stated = Buffer.from(bytes.subarray(MAGIC.length, start)).toString('hex');
  const checksum = createHash('sha256').update(bytes.subarray(start)).digest('hex');
  if (checksum !== stated) throw new Error(`the model's checksum is ${checksum}, but it states ${stated}: the file is damaged`);
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset + start, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(start + 4, start + 4 + headerLength))) as Header;
  const body = bytes.subarray(start + 4 + headerLength);
  const artifacts: Record<string, Artifact> = {};
  for (const entry of header.entries) {
    const arrays: Record<string, Float32Array | Float64Array> = {};
    for (const a of entry.arrays) {
      const size = a.type === 'f64' ? 8 : 4;
      // Not body.slice: a Buffer's slice shares its pool's memory, and `.buffer` would then be the whole file.
      const copy = new Uint8Array(body.subarray(a.offset, a.offset + a.length * size));
      arrays[a.name] = a.type === 'f64' ? new Float64Array(copy.buffer) : new Float32Array(copy.buffer);
    }
    artifacts[entry.name] = { estimator: entry.estimator, meta: entry.meta, arrays };
  }
  return { artifacts, meta: header.meta, checksum };
};

const concat = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
