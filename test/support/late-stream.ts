import fc from 'fast-check';
import type { Label } from '../../src/domain/label.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import type { Transaction } from '../../src/domain/transaction.js';
import type { Policy } from '../../src/domain/decision.js';
import type { UsualScales } from '../../src/features/usual.js';
import { NOT_LEARNED } from '../../src/features/markov-filter.js';
import { LocalScorer } from '../../src/scoring/local-scorer.js';
import {
  type BatchCommit,
  type BatchKeys,
  type BatchMemory,
  type CommitResult,
  type Scorer,
  ScoringStore,
} from '../../src/scoring/ports.js';
import type { ScoringTerms } from '../../src/scoring/score-batch.js';
import type { ScoringModel } from '../../src/scoring/scoring-model.js';
import { OnlineLine, scoreTransactions } from '../../src/scoring/score-transactions.js';
import {
  DAY,
  DELAY_DAYS,
  expectFeatures,
  HOUR,
  oracle,
  ORACLE_FEATURES,
  ORACLE_SCHEMA,
  payment,
  type SeenRow,
  START_MS,
  zOf,
} from './feature-oracle.js';

/** A stream as it arrives: transactions in any order of their times, and labels of any of them at any time. */
export type Step =
  { readonly kind: 'transaction'; readonly transaction: Transaction } | { readonly kind: 'label'; readonly label: Label };

const SECOND = 1000;
/** The clock goes on by one of these, and a transaction is behind it by one of those: borders of windows, delay and limit. */
const ADVANCES = [0, SECOND, HOUR, DAY / 2, DAY, 3 * DAY, 9 * DAY];
const DELAYS = [0, 0, 0, SECOND, 20 * SECOND, HOUR, DAY, DELAY_DAYS * DAY, 7 * DAY - SECOND, 7 * DAY, 29 * DAY];
const TOO_LATE = [30 * DAY, 30 * DAY + SECOND, 45 * DAY, 400 * DAY];

const late = fc.array(
  fc.record({
    advance: fc.constantFrom(...ADVANCES),
    behind: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...DELAYS) }, fc.constantFrom(...TOO_LATE)),
    payment,
  }),
  { minLength: 1, maxLength: 40, size: 'max' },
);
const transactionsOf = (drawn: readonly { advance: number; behind: number; payment: object }[]): Transaction[] => {
  let clockMs = START_MS;
  return drawn.map(({ advance, behind, payment: paid }, i) => {
    clockMs += advance;
    return { id: `t${i}`, occurredAtMs: clockMs - behind, ...(paid as Omit<Transaction, 'id' | 'occurredAtMs'>) };
  });
};
const shuffled = late.chain((drawn) => {
  const inOrder = transactionsOf(drawn.map((one) => ({ ...one, behind: 0 })));
  return fc.shuffledSubarray(inOrder, { minLength: inOrder.length });
});
const labels = fc.array(fc.record({ row: fc.nat(39), after: fc.nat(40), isFraud: fc.boolean(), known: fc.nat(20) }), {
  maxLength: 30,
  size: 'max',
});

/**
 * @param knowledge `rising`: labels arrive in the order in which they became known; `any`: an old one may come last
 */
export const streams = (knowledge: 'rising' | 'any'): fc.Arbitrary<readonly Step[]> =>
  fc.tuple(fc.oneof(late.map(transactionsOf), shuffled), labels).map(([transactions, drawn]) => {
    const at = (i: number): Step[] =>
      drawn.flatMap(({ row, after, isFraud, known }, n) => {
        if (after % (transactions.length + 1) !== i) return [];
        const { id } = transactions[row % transactions.length]!;
        const knownAtMs = START_MS + (knowledge === 'any' ? known : 100 * i + n) * SECOND;
        return [{ kind: 'label', label: { transactionId: id, isFraud, type: null, source: `s${n}`, knownAtMs } }];
      });
    return [
      ...transactions.flatMap((transaction, i): Step[] => [...at(i), { kind: 'transaction', transaction }]),
      ...at(transactions.length),
    ];
  });

/** A row as the line scored it, and what was known when its batch began. */
export interface ScoredRow {
  readonly features: Float32Array;
  readonly late: boolean;
  readonly amountBin: number;
  readonly frauds: ReadonlySet<string>;
}

/** Hands on to a store and keeps what it committed. */
class WatchedStore extends ScoringStore {
  readonly rows: Omit<ScoredRow, 'frauds'>[] = [];
  constructor(private readonly inner: ScoringStore) {
    super();
  }
  override read(keys: BatchKeys): Promise<BatchMemory> {
    return this.inner.read(keys);
  }
  override async commit(commit: BatchCommit): Promise<CommitResult> {
    const result = await this.inner.commit(commit);
    if (result === 'committed')
      for (const { scored, amountBin } of commit.rows)
        this.rows.push({ features: scored.features, late: scored.late, amountBin });
    return result;
  }
}

/** Features and no detectors: the scores are not what is looked at. */
export const ORACLE_MODEL: ScoringModel = {
  version: 'm',
  featureSet: ORACLE_FEATURES,
  detectors: {},
  platt: null,
  usualScales: {} as UsualScales,
  knownFraud: null,
  background: { columns: ORACLE_FEATURES.columns, rowCount: 0, values: new Float32Array(0) },
};
export const ORACLE_TERMS: ScoringTerms = { calibration: null, policy: { version: 'p' } as Policy };

export interface StreamOptions {
  /** Lengths of batches, in turn; a batch ends earlier where a label comes or its times span the label delay. */
  readonly cuts?: readonly number[];
  readonly scorer?: Scorer;
}

/**
 * Runs a stream through the online line, batch by batch, with labels in between.
 *
 * @returns rows in the order of arrival
 */
export const scoreStream = async (
  steps: readonly Step[],
  store: ScoringStore,
  append: (label: Label) => unknown,
  { cuts = [1], scorer = new LocalScorer(ORACLE_MODEL, ORACLE_TERMS) }: StreamOptions = {},
): Promise<readonly ScoredRow[]> => {
  const watched = new WatchedStore(store);
  const parser = transactionParser(ORACLE_SCHEMA);
  const line = new OnlineLine(ORACLE_SCHEMA, parser, watched, scorer);
  const known = new Knowledge();
  const rows: ScoredRow[] = [];
  let batch: Transaction[] = [];
  let batches = 0;
  const commit = async (): Promise<void> => {
    if (batch.length === 0) return;
    const records = batch.map((t, i) => ({
      bytes: Buffer.from(JSON.stringify(parser.toJson(t))),
      key: t.entities[0]!,
      position: `test/${rows.length + i}`,
    }));
    const from = watched.rows.length;
    const outcome = await scoreTransactions(records, { kind: 'direct', name: 'test' }, line);
    if (outcome.result !== 'committed' || outcome.scored.length !== batch.length)
      throw new Error(
        `not scored: ${JSON.stringify(outcome.result === 'committed' ? outcome.deadLetters.map((d) => d.reason) : outcome)}`,
      );
    const frauds = known.frauds();
    rows.push(...watched.rows.slice(from).map((row) => ({ ...row, frauds })));
    batch = [];
    batches += 1;
  };
  for (const step of steps) {
    if (step.kind === 'label') {
      await commit();
      await append(step.label);
      known.add(step.label);
      continue;
    }
    const times = [...batch, step.transaction].map(({ occurredAtMs }) => occurredAtMs);
    if (Math.max(...times) - Math.min(...times) >= DELAY_DAYS * DAY) await commit();
    batch.push(step.transaction);
    if (batch.length >= cuts[batches % cuts.length]!) await commit();
  }
  await commit();
  return rows;
};

/** The newest label of a transaction counts, of several at one time the one that came last. */
class Knowledge {
  readonly #newest = new Map<string, Label>();
  add(label: Label): void {
    const before = this.#newest.get(label.transactionId);
    if (!before || before.knownAtMs <= label.knownAtMs) this.#newest.set(label.transactionId, label);
  }
  frauds(): ReadonlySet<string> {
    return new Set([...this.#newest.values()].filter(({ isFraud }) => isFraud).map(({ transactionId }) => transactionId));
  }
}

/** Compares every row with the brute-force oracle. @throws Error naming row and feature */
export const expectOracle = (steps: readonly Step[], rows: readonly ScoredRow[]): void => {
  const arrived = transactionsIn(steps);
  const seen = rows.map((row): SeenRow => ({ amountBin: row.amountBin, z: zOf(row.features) }));
  rows.forEach((row, i) => {
    const expected = oracle(arrived.slice(0, i + 1), seen, (j) => row.frauds.has(arrived[j]!.id));
    if (row.late !== expected.late) throw new Error(`row ${i} late: ${row.late}, expected ${expected.late}`);
    if ((row.amountBin === NOT_LEARNED) !== expected.isTooLate)
      throw new Error(`row ${i} in bin ${row.amountBin}, too late: ${expected.isTooLate}`);
    expectFeatures(i, row.features, expected.features);
  });
};

export const transactionsIn = (steps: readonly Step[]): readonly Transaction[] =>
  steps.flatMap((step) => (step.kind === 'transaction' ? [step.transaction] : []));
