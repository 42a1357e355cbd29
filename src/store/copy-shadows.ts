import { CHANNELS } from '../domain/decision.js';
import type { CommittedRow, ShadowScores } from '../scoring/ports.js';
import { CopyWriter } from './copy-writer.js';

const ROW_BYTES = 220;

/** In the order in which `shadowScoresCopy` writes them. */
const COLUMNS = [
  ...['transaction_id', 'occurred_at', 'version', 's_score', 't_score', 'h_score', 'd_score'],
  ...['minus_log10_p', 'outcome', 'lane', 'calibration'],
];
export const COPY_SHADOW_SCORES = `COPY shadow_scores (${COLUMNS.join(', ')}) FROM STDIN (FORMAT binary)`;

/** @param rows of one batch, in whose order the shadows are */
export const shadowScoresCopy = (rows: readonly CommittedRow[], shadows: readonly ShadowScores[]): Buffer => {
  const out = new CopyWriter(ROW_BYTES * rows.length * shadows.length);
  for (const { version, scores, decided } of shadows)
    rows.forEach(({ scored: { transaction } }, i) => {
      out.row(COLUMNS.length);
      out.text(transaction.id);
      out.timestamptz(transaction.occurredAtMs);
      out.text(version);
      for (const channel of CHANNELS) out.float8(scores[channel][i]!);
      if (decided) writeDecision(out, decided, i);
      else for (let column = 0; column < 4; column += 1) out.null();
    });
  return out.end();
};

const writeDecision = (out: CopyWriter, decided: NonNullable<ShadowScores['decided']>, i: number): void => {
  out.float8(decided.minusLog10P[i]!);
  out.text(decided.outcomes[i]!);
  const lane = decided.lanes[i]!;
  if (lane === null) out.null();
  else out.text(lane);
  out.text(decided.calibration);
};
