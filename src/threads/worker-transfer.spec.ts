import { describe, expect, it } from '@jest/globals';
import { row, T0 } from '../../test/support/store-samples.js';
import type { ScoringResult } from '../scoring/ports.js';
import { packResult, packStates, packTransactions, unpackResult, unpackStates, unpackTransactions } from './worker-transfer.js';

const rows = [
  row('a', { customer: 'ü€😀', outcome: 'decline', bin: 7, atMs: T0 + 1 }),
  row('b', { amountMinor: -9_007_199_254_740_991, bin: 255 }),
].map(({ scored, amountBin }) => ({ scored, amountBin }));
const transactions = rows.map(({ scored }) => scored.transaction);
const states = [
  { entityId: 'x', version: 3, bytes: Uint8Array.of(1, 2, 3) },
  { entityId: 'empty', version: 0, bytes: new Uint8Array(0) },
  { entityId: 'y', version: 2 ** 40, bytes: Uint8Array.of(4) },
];
const cell = { entityType: 'terminal', entityId: 't1', bin: 3, n: 1, nFraud: 0 };

describe('what goes from thread to thread', () => {
  it('arrives as it was: transactions with missing values and any text', () => {
    const odd = transactions.map((t, i) => ({ ...t, numeric: [i === 0 ? NaN : -0], categorical: [i === 0 ? null : ''] }));
    expect(unpackTransactions(structuredClone(packTransactions(odd)))).toEqual(odd);
    expect(unpackTransactions(structuredClone(packTransactions([])))).toEqual([]);
  });

  it('arrives as it was: states', () => {
    expect(unpackStates(structuredClone(packStates(states)))).toEqual(states);
  });

  it('arrives as it was: a result, handed over', () => {
    const result: ScoringResult = {
      featureSet: 'f1',
      rows,
      states,
      evidence: [
        { ...cell, bucketMs: T0 },
        { ...cell, bucketMs: T0 + 1, nFraud: -1 },
        { ...cell, entityId: 't2', bucketMs: T0 },
      ],
      alerts: [],
    };
    const { packed, transfer } = packResult(result);
    const arrived = unpackResult(structuredClone(packed, { transfer: transfer as never }), transactions);
    expect(arrived).toEqual(result);
    // Handed over, not copied.
    expect(packed.features.length).toBe(0);
    expect(arrived).not.toHaveProperty('shadows');
    const none = packResult({ ...result, rows: [], states: [], evidence: [] });
    expect(unpackResult(structuredClone(none.packed), [])).toEqual({ ...result, rows: [], states: [], evidence: [] });
  });

  it('arrives as it was: what challengers say', () => {
    const scores = { S: Float64Array.of(1, -0), T: Float64Array.of(2, 3), H: new Float64Array(2), D: Float64Array.of(1e-300, 7) };
    const decided = {
      calibration: 'k',
      minusLog10P: Float64Array.of(0.1, 4),
      outcomes: ['approve', 'decline'] as const,
      lanes: [null, 'D'] as const,
    };
    const shadows = [
      { version: 'c1', scores, decided },
      { version: 'c2', scores, decided: null },
    ];
    const result: ScoringResult = { featureSet: 'f1', rows, states, evidence: [], alerts: [], shadows };
    const { packed, transfer } = packResult(result);
    expect(unpackResult(structuredClone(packed, { transfer: transfer as never }), transactions)).toEqual(result);
  });
});
