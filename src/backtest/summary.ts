import type { DataSource } from 'typeorm';
import type { Policy } from '../domain/decision.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { Flip, VersionComparison } from '../domain/version-comparison.js';
import { CHANNELS } from '../domain/decision.js';
import { labelDelayMs } from '../features/plan.js';
import { decodeArtifacts } from '../models/artifact.js';
import type { StoredModel } from '../scoring/ports.js';
import type { BacktestDay, BacktestSpan, BacktestStore } from '../store/backtest.store.js';
import { compareVersions } from '../training/compare-versions.js';
import { judgeHistory, type HistoryQuality, type MaturedRow } from '../training/judge-history.js';
import { rankingChannel } from '../training/judge-backtest.js';

const EXAMPLES_MAX = 10;

export interface BacktestSummary {
  readonly model: string;
  readonly policy: string;
  readonly from: string;
  readonly to: string;
  /** Scored and decided. */
  readonly rows: number;
  readonly alerts: number;
  readonly alertRate: number;
  /** The share that the policy aims at. */
  readonly budget: number;
  /** Of the records: what the line refused, what it knew already. */
  readonly deadLetters: number;
  readonly repeats: number;
  /** What rows are ranked by in the figures below: a channel, or F, the fused score. */
  readonly rankedBy: string;
  /** On rows whose label has matured by now; null: there is none. */
  readonly quality: HistoryQuality | null;
  readonly days: readonly BacktestDay[];
  /** a: the backtest; b: what was decided live. */
  readonly comparison: VersionComparison;
  /** Scored here and not live, and the reverse: in no other figure of the comparison. */
  readonly notScoredLive: number;
  readonly onlyLive: number;
  /** All of them, as many as were asked for. */
  readonly flips: readonly Flip[];
}

export interface Summarised {
  readonly past: BacktestStore;
  readonly here: { readonly name: string; readonly dataSource: DataSource };
  readonly schema: TransactionSchema;
  readonly model: StoredModel;
  readonly policy: Policy;
  readonly span: BacktestSpan;
  readonly newestMs: number;
  /** Null: stored history, which is replayed in the order of its events. */
  readonly topic: object | null;
  readonly flipsMax: number;
}

/** What came of a backtest, beside what was decided live. */
export const summarise = async (
  given: Summarised,
): Promise<{ readonly summary: BacktestSummary; readonly notes: readonly string[] }> => {
  const { past, here, schema, model, policy, span, newestMs, flipsMax } = given;
  const { version } = model.version;
  await here.dataSource.query('ANALYZE transactions');
  const maturedBeforeMs = newestMs - labelDelayMs(schema);
  const pairs = await past.pairs(here.name, span, maturedBeforeMs, Math.max(flipsMax, EXAMPLES_MAX));
  const rankedBy = rankedByOf(model, policy);
  const quality = schema.label ? await judgeHistory(scoredBy(rankedBy, past.judged(here.name, span, maturedBeforeMs))) : null;
  const sum = (of: (day: BacktestDay) => number): number => pairs.days.reduce((total, day) => total + of(day), 0);
  const examples = { ...pairs, onlyA: pairs.onlyA.slice(0, EXAMPLES_MAX), onlyB: pairs.onlyB.slice(0, EXAMPLES_MAX) };
  const [rows, alerts] = [sum((day) => day.rows), sum((day) => day.alerts)];
  const [refused] = await here.dataSource.query<{ dead: number; repeats: number }[]>(
    `SELECT (SELECT count(*) FROM dead_letters)::double precision AS dead,
       (SELECT coalesce(sum(count), 0) FROM repeats)::double precision AS repeats`,
  );
  const summary = {
    ...{ model: version, policy: policy.version, rows, alerts, rankedBy, days: pairs.days },
    ...{ from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString() },
    alertRate: rows === 0 ? 0 : alerts / rows,
    budget: policy.budget.share,
    deadLetters: refused!.dead,
    repeats: refused!.repeats,
    quality: quality && quality.rows > 0 ? quality : null,
    comparison: compareVersions({ a: 'backtest', b: 'live', ...span, maturedBeforeMs }, examples, policy.budget),
    notScoredLive: sum((day) => day.onlyHere),
    onlyLive: sum((day) => day.onlyLive),
    flips: [...pairs.onlyA, ...pairs.onlyB].slice(0, 2 * flipsMax),
  };
  const [late, others] = [sum((day) => day.late), sum((day) => day.otherCalibration)];
  return { summary, notes: await liveNotes(given, late, others) };
};

const rankedByOf = ({ artifact }: StoredModel, { ranking }: Policy) => {
  const { artifacts } = decodeArtifacts(artifact);
  return (
    rankingChannel(
      CHANNELS.filter((channel) => artifacts[channel]),
      ranking,
    ) ?? 'F'
  );
};

async function* scoredBy(
  rankedBy: ReturnType<typeof rankedByOf>,
  rows: ReturnType<BacktestStore['judged']>,
): AsyncGenerator<readonly MaturedRow[]> {
  for await (const part of rows) yield part.map(({ scores, ...row }) => ({ ...row, score: scores[rankedBy] }));
}

/** Where live decided by something else, a flip may come of that. */
const liveNotes = async (
  { past, model, policy, span, topic }: Summarised,
  late: number,
  otherCalibration: number,
): Promise<string[]> => {
  const notes: string[] = [];
  const others = (await past.decidedBy(span)).filter((by) => by.model !== model.version.version || by.policy !== policy.version);
  if (others.length > 0) notes.push(`live decided by ${others.map((by) => `${by.model} under ${by.policy}`).join(', ')}`);
  if (late > 0 && !topic)
    notes.push(
      `${late} live transactions came late: stored history is replayed in the order of its events, --topic in the order in which they came`,
    );
  if (otherCalibration > 0)
    notes.push(
      `${otherCalibration} transactions were decided live by another calibration of this model and policy: live takes one over a few ` +
        'batches after midnight, and after a start without history several a day',
    );
  return notes;
};
