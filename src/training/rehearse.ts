import type { Calibration } from '../domain/calibration.js';
import type { Policy } from '../domain/decision.js';
import { InputError } from '../domain/input-error.js';
import type { Label } from '../domain/label.js';
import { createRandom } from '../domain/random.js';
import type { Transaction } from '../domain/transaction.js';
import type { FeatureSet } from '../features/catalog.js';
import { labelDelayMs } from '../features/plan.js';
import type { ScoringModel } from '../scoring/scoring-model.js';
import { planAttacks, type Attack, type AttackPass, type AttackPlan } from '../synthetic/fraud-patterns.js';
import { observeStream } from '../synthetic/observed-stream.js';
import { buildDataset, knownFrauds } from './dataset.js';
import type { TrainingHooks } from './fit-channels.js';
import { rehearsedCells, type AttackOutcome, type RehearsedCell } from './rehearsal-figures.js';
import type { RehearsalSettings } from './rehearsal-settings.js';
import { memoryOf, replaySlice, type LineMemory } from './replay-slice.js';
import { wilsonShare, type Share } from './wilson.js';

export interface RehearsalInput {
  readonly model: ScoringModel;
  readonly calibration: Calibration;
  readonly policy: Policy;
  /** In event order, with the history that features look back on. */
  readonly transactions: readonly Transaction[];
  readonly labels: readonly Label[];
  /** The slice [fromMs, toMs) that attacks are injected into. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly settings: RehearsalSettings;
  /** What the line remembers when the slice begins, by the model's features. Default: it is made of the history. */
  readonly memory?: () => Promise<LineMemory>;
}

export interface RehearsalReport {
  readonly model: string;
  readonly settings: RehearsalSettings;
  readonly fromMs: number;
  readonly toMs: number;
  /** Real rows of the slice, replayed in every pass. */
  readonly sliceRows: number;
  readonly passes: number;
  readonly attacks: number;
  readonly injectedRows: number;
  /** Largest share of the customers that one pass attacks. */
  readonly attackedShare: number;
  /** Attacks that found no room. */
  readonly leftOut: number;
  /** Share of traffic that the policy aims at. */
  readonly budget: number;
  /** Alerts on real rows, over all passes: at what volume the power was had. */
  readonly realAlerts: Share;
  /** Alerts on real rows that no label calls fraud: what the control is to be held against. */
  readonly realFalseAlarms: Share;
  /** Alerts on injected ordinary payments. */
  readonly control: Share;
  readonly cells: readonly RehearsedCell[];
  readonly notApplicable: AttackPlan['notApplicable'];
  /** Every attack, for comparing two models attack by attack. */
  readonly outcomes: readonly AttackOutcome[];
}

/**
 * Injects fraud of every scenario that the schema can show into a slice of real history and replays it through the online
 * line: what the model, its calibration and the policy would have caught, and how soon.
 *
 * Attacks are drawn from the history before the slice, by the seed alone: two models meet the same ones. Their labels
 * become known after the schema's delay. The calibration is fixed, so they cannot move the level that they are judged by.
 * Costs one pass of features over the history, and one replay of the slice for each pass.
 *
 * @throws InputError when the slice is empty; rejects with the signal's reason when aborted
 */
export const rehearse = async (input: RehearsalInput, context: TrainingHooks = {}): Promise<RehearsalReport> => {
  const { transactions, fromMs, toMs, settings, model } = input;
  const past = transactions.filter((t) => t.occurredAtMs < fromMs);
  const slice = transactions.filter((t) => t.occurredAtMs >= fromMs && t.occurredAtMs < toMs);
  if (slice.length === 0) throw new InputError('the slice to rehearse on holds no transactions');
  const stream = observeStream(model.featureSet.schema, past);
  const plan = planAttacks(stream, { fromMs, toMs }, settings, createRandom(settings.seed).fork('rehearsal'));
  const tally = createTally(knownFrauds(input.labels, Infinity));
  if (plan.passes.length > 0) {
    const memory = await (input.memory?.() ?? memoryBefore(model.featureSet, input, context));
    for (const [i, pass] of plan.passes.entries())
      await replayPass(input, memory, slice, pass, tally, {
        ...context,
        onProgress: (_step, { share }) =>
          context.onProgress?.('rehearsal', {
            share: (i + share) / plan.passes.length,
            message: `pass ${i + 1} of ${plan.passes.length}, ${pass.attacks.length} attacks`,
          }),
      });
  }
  const attacks = plan.passes.flatMap((pass) => pass.attacks);
  const outcomes = attacks.map((attack) => tally.outcomeOf(attack));
  const attackedIn = ({ attacks: all }: AttackPass): number =>
    new Set(all.flatMap((attack) => attack.transactions.map((t) => t.entities[0]))).size;
  return {
    model: model.version,
    settings,
    fromMs,
    toMs,
    sliceRows: slice.length,
    passes: plan.passes.length,
    attacks: attacks.length,
    injectedRows: attacks.reduce((sum, attack) => sum + attack.transactions.length, 0),
    attackedShare: Math.max(0, ...plan.passes.map(attackedIn)) / Math.max(1, stream.customers.length),
    leftOut: plan.leftOut,
    budget: input.calibration.nominal,
    ...tally.shares(),
    cells: rehearsedCells(outcomes),
    notApplicable: plan.notApplicable,
    outcomes,
  };
};

/** What the line would have remembered at the slice's start. */
export const memoryBefore = async (
  featureSet: FeatureSet,
  { transactions, labels, fromMs }: Pick<RehearsalInput, 'transactions' | 'labels' | 'fromMs'>,
  { onProgress, signal }: TrainingHooks,
): Promise<LineMemory> => {
  const past = transactions.filter((t) => t.occurredAtMs < fromMs);
  const dataset = await buildDataset(featureSet, past, labels, { keepFromMs: fromMs, keepToMs: fromMs }, async (share) => {
    onProgress?.('memory', { share, message: 'what the line remembers before the rehearsal' });
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  });
  return memoryOf(dataset, past.at(-1)?.occurredAtMs ?? fromMs);
};

const replayPass = async (
  { model, calibration, policy, labels }: RehearsalInput,
  memory: LineMemory,
  slice: readonly Transaction[],
  pass: AttackPass,
  tally: Tally,
  { onProgress, signal }: TrainingHooks,
): Promise<void> => {
  const injected = pass.attacks.flatMap((attack) => attack.transactions);
  const ordinary = new Set(pass.ordinary.map((t) => t.id));
  const isInjected = new Set(injected.map((t) => t.id));
  const delayMs = labelDelayMs(model.featureSet.schema);
  const found = injected.map((t): Label => {
    return { transactionId: t.id, isFraud: true, type: null, source: 'rehearsal', knownAtMs: t.occurredAtMs + delayMs };
  });
  await replaySlice({
    model,
    memory,
    // The sort is stable: of equal times the real row comes first.
    transactions: [...slice, ...injected, ...pass.ordinary].sort((a, b) => a.occurredAtMs - b.occurredAtMs),
    labels: [...labels, ...found],
    terms: { calibration, policy },
    onRows: (rows) => {
      for (const { transaction, decision } of rows) {
        const kind = isInjected.has(transaction.id) ? 'attack' : ordinary.has(transaction.id) ? 'ordinary' : 'real';
        tally.add(transaction.id, kind, decision.outcome !== 'approve');
      }
    },
    onProgress: (share) => onProgress?.('rehearsal', { share, message: '' }),
    ...(signal && { signal }),
  });
};

interface Tally {
  add(id: string, kind: 'attack' | 'ordinary' | 'real', isAlert: boolean): void;
  outcomeOf(attack: Attack): AttackOutcome;
  shares(): Pick<RehearsalReport, 'realAlerts' | 'realFalseAlarms' | 'control'>;
}

const createTally = (frauds: ReadonlySet<string>): Tally => {
  const alertedAttackRows = new Set<string>();
  const counts = { real: { alerts: 0, rows: 0 }, legitimate: { alerts: 0, rows: 0 }, ordinary: { alerts: 0, rows: 0 } };
  const count = (kind: keyof typeof counts, isAlert: boolean): void => {
    counts[kind].rows += 1;
    if (isAlert) counts[kind].alerts += 1;
  };
  const share = ({ alerts, rows }: { alerts: number; rows: number }): Share => wilsonShare(alerts, rows);
  return {
    add(id, kind, isAlert) {
      if (kind === 'attack') {
        if (isAlert) alertedAttackRows.add(id);
        return;
      }
      count(kind, isAlert);
      if (kind === 'real' && !frauds.has(id)) count('legitimate', isAlert);
    },
    outcomeOf({ id, scenario, strength, transactions }) {
      const alerted = transactions.map((t) => alertedAttackRows.has(t.id));
      const first = alerted.indexOf(true);
      return {
        id,
        scenario,
        strength,
        transactions: transactions.length,
        alerted: alerted.filter(Boolean).length,
        transactionsToAlert: first < 0 ? null : first + 1,
        minutesToAlert: first < 0 ? null : (transactions[first]!.occurredAtMs - transactions[0]!.occurredAtMs) / 60_000,
      };
    },
    shares: () => ({
      realAlerts: share(counts.real),
      realFalseAlarms: share(counts.legitimate),
      control: share(counts.ordinary),
    }),
  };
};
