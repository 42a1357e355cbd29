import type { Outcome, Policy } from '../domain/decision.js';
import { DAY_MS } from '../domain/time.js';
import type { ComparedVersion, CountedShare, Flip, FlipGroup, VersionComparison } from '../domain/version-comparison.js';
import type { PairsWanted, ScoredPairs } from './ports.js';
import { wilsonShare } from './wilson.js';

/** Two versions judged by their counts on the same live rows. */
export const compareVersions = (wanted: PairsWanted, pairs: ScoredPairs, budget: Policy['budget']): VersionComparison => {
  const { everyNth, spanMs, counts } = pairs;
  const count = (matches: (cell: Cell) => boolean): number =>
    counts.reduce((sum, { a, b, truth, rows }) => (a && b && matches({ a, b, truth }) ? sum + rows : sum), 0);
  const rows = count(() => true);
  // A part of a day is not taken for a whole one: its hours are not like the others.
  const rowsPerDay = rows === 0 ? null : (rows * everyNth) / Math.max(1, spanMs / DAY_MS);
  const onlyA = ({ a, b }: Cell): boolean => isAlert(a) && !isAlert(b);
  const onlyB = ({ a, b }: Cell): boolean => isAlert(b) && !isAlert(a);
  return {
    a: comparedVersion(wanted.a, ({ a }) => isAlert(a), count, rowsPerDay),
    b: comparedVersion(wanted.b, ({ b }) => isAlert(b), count, rowsPerDay),
    from: new Date(wanted.fromMs).toISOString(),
    to: new Date(wanted.toMs).toISOString(),
    rows,
    everyNth,
    undecided: counts.reduce((sum, cell) => (cell.a && cell.b ? sum : sum + cell.rows), 0),
    rowsPerDay,
    budgetPerDay: rowsPerDay && budgetPerDay(rowsPerDay, budget),
    rankCorrelation: pairs.rankCorrelation,
    sameDecision: shareOf(
      count(({ a, b }) => a === b),
      rows,
    ),
    alertsOfBoth: count(({ a, b }) => isAlert(a) && isAlert(b)),
    onlyA: flipGroup(onlyA, count, pairs.onlyA),
    onlyB: flipGroup(onlyB, count, pairs.onlyB),
  };
};

interface Cell {
  readonly a: Outcome;
  readonly b: Outcome;
  readonly truth: 'fraud' | 'legitimate' | null;
}
type Count = (matches: (cell: Cell) => boolean) => number;

const isAlert = (outcome: Outcome): boolean => outcome !== 'approve';

const comparedVersion = (
  version: string,
  alerts: (cell: Cell) => boolean,
  count: Count,
  rowsPerDay: number | null,
): ComparedVersion => {
  const amongTruth = (truth: Cell['truth']): CountedShare =>
    shareOf(
      count((cell) => cell.truth === truth && alerts(cell)),
      count((cell) => cell.truth === truth),
    );
  const ofAll = shareOf(
    count(alerts),
    count(() => true),
  );
  return {
    version,
    alerts: ofAll,
    alertsPerDay: rowsPerDay && ofAll.share! * rowsPerDay,
    caughtFrauds: amongTruth('fraud'),
    falseAlarms: amongTruth('legitimate'),
  };
};

/** Wilson's interval, which takes rows as independent: several frauds of one entity make it too narrow. */
export const shareOf = (count: number, of: number): CountedShare => {
  const { share, low, high } = wilsonShare(count, of);
  return { count, of, share: of === 0 ? null : share, low, high };
};

const flipGroup = (flips: (cell: Cell) => boolean, count: Count, examples: readonly Flip[]): FlipGroup => ({
  rows: count(flips),
  frauds: count((cell) => flips(cell) && cell.truth === 'fraud'),
  legitimate: count((cell) => flips(cell) && cell.truth === 'legitimate'),
  examples,
});

/** Of several limits the one that allows the fewest alerts binds. */
const budgetPerDay = (rowsPerDay: number, { share, countPerDay = Infinity, errorRate = Infinity }: Policy['budget']): number =>
  Math.min(Math.min(share, errorRate) * rowsPerDay, countPerDay);
