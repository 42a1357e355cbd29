import { decodeArtifacts, encodeArtifacts } from './artifact.js';

const artifacts = {
  S: { estimator: 'a', meta: { text: 'é' }, arrays: { w: Float64Array.of(1, -0, 1e-300), odd: Float32Array.of(3, 4, 5) } },
  D: { estimator: 'b', meta: {}, arrays: { v: Float64Array.of(Infinity, NaN) } },
};

describe('artifact container', () => {
  it.each([
    ['bytes', (bytes: Uint8Array) => bytes],
    ['a Buffer, as files and databases give', (bytes: Uint8Array) => Buffer.from(bytes)],
    ['a part of a larger Buffer', (bytes: Uint8Array) => Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)],
  ])('decodes from %s to the same bits', (_name, as) => {
    const decoded = decodeArtifacts(as(encodeArtifacts(artifacts, { version: 'v' })));
    expect(decoded.artifacts).toEqual(artifacts);
    expect(decoded.meta).toEqual({ version: 'v' });
  });

  it('refuses damaged and foreign bytes', () => {
    const bytes = encodeArtifacts(artifacts, {});
    bytes[bytes.length - 1]! ^= 1;
    expect(() => decodeArtifacts(bytes)).toThrow(/checksum/);
    expect(() => decodeArtifacts(new Uint8Array(99))).toThrow(/not a Surprisal model/);
  });
});
