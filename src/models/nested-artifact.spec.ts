import { type Artifact, decodeArtifacts, encodeArtifacts } from './artifact.js';
import { memberArtifacts, nestArtifacts } from './nested-artifact.js';

const leaf = (estimator: string, first: number): Artifact => ({
  estimator,
  meta: { columns: ['amount'] },
  arrays: { weights: Float64Array.of(first, NaN, -0), shape: Float32Array.of(first) },
});

describe('nested artifacts', () => {
  it('gives members of members back, bit for bit, also through the stored bytes', () => {
    const inner: Artifact = { estimator: 'pair', ...nestArtifacts({ weights: leaf('a', 1), b: leaf('b', 2) }) };
    const members = { inner, a: leaf('a', 3) };
    const { meta, arrays } = nestArtifacts(members);
    const whole: Artifact = { estimator: 'outer', meta: { ...meta, note: 'x' }, arrays: { ...arrays, own: Float64Array.of(9) } };

    const stored = decodeArtifacts(encodeArtifacts({ S: whole }, {})).artifacts['S']!;

    expect(memberArtifacts(stored)).toEqual(members);
    expect(memberArtifacts(memberArtifacts(stored)['inner']!)).toEqual({ weights: leaf('a', 1), b: leaf('b', 2) });
  });

  it('keeps the order of members', () => {
    const { meta, arrays } = nestArtifacts({ z: leaf('z', 1), a: leaf('a', 2) });
    expect(Object.keys(memberArtifacts({ estimator: 'x', meta, arrays }))).toEqual(['z', 'a']);
  });

  it('refuses a name that looks like a nested one', () => {
    expect(() => nestArtifacts({ 'a/b': leaf('a', 1) })).toThrow(/"a\/b"/);
  });
});
