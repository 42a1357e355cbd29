import { CHANNELS, type Channel, type Policy } from '../domain/decision.js';

export interface Fused {
  /** F of the policy's ranking, in nats; higher = more anomalous. */
  readonly score: number;
  /** The channel with the largest term of F. */
  readonly lane: Channel;
}

/**
 * One ranking from the channels' p-values.
 *
 * - lanes: F = max log(w / p). Each channel spends a part of the budget of its own.
 * - harmonic: F = log sum(w / p), the weighted harmonic mean p-value (Wilson 2019). It is not a p-value: F is calibrated
 *   by its own window.
 *
 * Both stay in logs: w / p itself overflows beyond p = 1e-308, and p is never clipped.
 */
export const fuse = (minusLog10P: Readonly<Record<Channel, number>>, ranking: Policy['ranking']): Fused => {
  let lane: Channel = 'S';
  let largest = -Infinity;
  for (const channel of CHANNELS) {
    const term = logTerm(minusLog10P, ranking, channel);
    if (term > largest) {
      largest = term;
      lane = channel;
    }
  }
  if (ranking.kind === 'lanes') return { score: largest, lane };
  const sum = CHANNELS.reduce((total, channel) => total + Math.exp(logTerm(minusLog10P, ranking, channel) - largest), 0);
  return { score: largest + Math.log(sum), lane };
};

/** log(w / p); -Infinity for a channel that the policy leaves out. */
const logTerm = (minusLog10P: Readonly<Record<Channel, number>>, ranking: Policy['ranking'], channel: Channel): number => {
  const weight = ranking.weights[channel];
  return weight === 0 ? -Infinity : Math.log(weight) + minusLog10P[channel] * Math.LN10;
};
