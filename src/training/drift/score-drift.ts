import { martingaleValue, SCORE_STREAMS, weekChange, type ScoreMartingale } from './score-martingale.js';

/** What the martingale of the scores says today. */
export interface ScoreDrift {
  readonly days: number;
  readonly martingale: number;
  readonly peak: number;
  readonly peakDay: number | null;
  /** Last week's mean against the days before. */
  readonly changes: readonly { readonly score: string; readonly statistic: string; readonly change: number | null }[];
}

export const scoreDrift = (state: ScoreMartingale): ScoreDrift => ({
  days: state.days.length,
  martingale: martingaleValue(state),
  peak: state.peak,
  peakDay: state.peakDay,
  changes: SCORE_STREAMS.map(({ score, statistic }) => ({ score, statistic, change: weekChange(state, score, statistic) })),
});
