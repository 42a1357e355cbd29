import type { DriftStore } from '../../src/store/drift.store.js';
import type { DriftView } from '../../src/store/drift-view.js';
import type { ModelView, RoleChange } from '../../src/store/model-views.js';
import type { ModelRegistry } from '../../src/store/model-registry.js';
import type { Page, TrainingRunFilter, ModelFilter } from '../../src/store/query-types.js';
import { StateConflictError } from '../../src/store/state-conflict.js';
import type { PostgresTrainingRunStore } from '../../src/store/training-run.store.js';
import type { AugmentationSummary } from '../../src/training/augment-supervised.js';
import { judgeCandidate, type GateReport } from '../../src/training/gate.js';
import { GateSettingsSchema } from '../../src/training/gate-settings.js';
import { compareVersions } from '../../src/training/compare-versions.js';
import { DAY_MS } from '../../src/domain/time.js';
import type { ScoredPairs, TrainingEvent, TrainingRequest, TrainingRun } from '../../src/training/ports.js';
import type { RehearsalReport } from '../../src/training/rehearse.js';
import { BUDGET, models, outcomesOf, rehearsalOf, sliceOf } from './gate-sides.js';
import { NOW_MS } from './memory-api.js';

const AT = new Date(NOW_MS).toISOString();
const pageOf = <T>(items: readonly T[], limit: number): Page<T> => ({ items: items.slice(0, limit), nextCursor: null });

const DATA = { from: '2026-01-01T00:00:00.000Z', to: '2026-03-01T00:00:00.000Z', hash: 'ab'.repeat(32) };

export const modelOf = (version: string, rest: Partial<ModelView> = {}): ModelView => ({
  version,
  schema: 'shop',
  state: 'candidate',
  since: null,
  epoch: null,
  trainedAt: DATA.to,
  featureSet: 'full-0badcafe',
  schemaHash: null,
  checksum: 'c'.repeat(64),
  isSigned: false,
  artifactBytes: 1_270_000,
  data: DATA,
  parent: null,
  trainingRun: null,
  ...rest,
});

export const runOf = (id: string, rest: Partial<TrainingRun> = {}): TrainingRun => ({
  id,
  schema: 'shop',
  trigger: 'manual',
  requestedAt: AT,
  requestedBy: 'ana',
  why: 'new fraud',
  dueAt: null,
  state: 'queued',
  holder: null,
  heartbeatAt: null,
  cancelRequestedAt: null,
  startedAt: null,
  finishedAt: null,
  seed: 1,
  data: null,
  settings: {},
  report: null,
  version: null,
  retryOf: null,
  attempt: 1,
  error: null,
  ...rest,
});

export interface StoredReport {
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly gate: GateReport;
  readonly rehearsal: { readonly candidate: RehearsalReport; readonly champion: RehearsalReport };
  readonly training: { readonly trainRows: number; readonly trainFrauds: number; readonly augmentation: AugmentationSummary };
}

const gain = (low: number, value: number, high: number) => ({ without: 0.7, with: 0.7 + value, gain: value, low, high });
const quality = {
  rows: 50,
  rejectedShare: 0.18,
  worst: null,
  copies: 0,
  nearer: 0.2,
  coverage: 0.8,
  nearerOfReal: 0.4,
  coverageExpected: 0.97,
};

/** A run's report as the trainer stores it: of the real gate, whose candidate misses a scenario that the champion finds. */
export const storedReport = async (): Promise<StoredReport> => {
  const rows = sliceOf(3);
  const sides = models(3, rows, 2.5);
  const rehearsal = {
    candidate: rehearsalOf(outcomesOf((scenario) => scenario !== 'mule')),
    champion: rehearsalOf(outcomesOf(() => true)),
  };
  const gate = await judgeCandidate({
    rows,
    candidate: { ...sides.candidate, rehearsal: rehearsal.candidate },
    champion: { ...sides.champion, rehearsal: rehearsal.champion },
    budget: BUDGET,
    settings: GateSettingsSchema.parse({ resamples: 200 }),
  });
  const augmentation: AugmentationSummary = {
    kept: { generator: 'smote', share: 4 },
    reasons: ['smote x4 was the best of 2 on the choosing entities.'],
    tried: [
      { generator: 'vae', share: 1, choosing: gain(-0.02, 0.001, 0.03), confirming: gain(-0.018, -0.005, 0.013), quality },
      { generator: 'smote', share: 4, choosing: gain(0.01, 0.04, 0.07), confirming: gain(0.002, 0.03, 0.06), quality },
    ],
    failed: [{ generator: 'gan', reason: 'its loss is no number' }],
    estimator: 'gradient-boosting',
    confidence: 0.95,
    parts: null,
    syntheticRows: 200,
    later: { with: 0.71, without: 0.69 },
  };
  const report = {
    verdict: gate.verdict,
    reasons: gate.reasons,
    gate,
    rehearsal,
    training: { trainRows: 25_216, trainFrauds: 308, augmentation },
  };
  // As the database gives it back: numbers that are none become null.
  return JSON.parse(JSON.stringify(report)) as StoredReport;
};

const NO_PAIRS: ScoredPairs = { everyNth: 1, spanMs: 0, counts: [], rankCorrelation: null, onlyA: [], onlyB: [] };
const NO_DRIFT: DriftView = { champion: null, reference: null, note: null, alarms: [], report: null, days: [] };

/** Runs and models in memory, for the page: what the stores answer, not what they guard. */
export const memoryTraining = () => {
  const state = {
    runs: [] as TrainingRun[],
    events: [] as TrainingEvent[],
    models: [] as ModelView[],
    changes: [] as RoleChange[],
    /** What any two versions said of the same rows. */
    pairs: NO_PAIRS,
    drift: NO_DRIFT,
    /** Who asked for what. */
    asked: [] as unknown[],
    /** Why no role changes. */
    refusal: null as string | null,
  };
  const newestFirst = <T>(items: readonly T[]): T[] => [...items].reverse();
  const changed = (kind: RoleChange['kind'], version: string, replaced: string | null, by: { by: string; why: string }) => {
    if (state.refusal !== null) throw new StateConflictError(state.refusal);
    const id = String(state.changes.length + 1);
    const change = { id, kind, version, replaced, epoch: state.changes.length + 1, at: AT, ...by };
    state.asked.push(change);
    state.changes.push(change);
    state.models = state.models.map((model) =>
      model.version === version
        ? { ...model, state: 'champion', since: AT, epoch: change.epoch }
        : { ...model, state: 'candidate', since: null, epoch: null },
    );
    return Promise.resolve(change);
  };
  const champion = (): string => state.models.find((model) => model.state === 'champion')!.version;
  const runs = {
    list: (filter: TrainingRunFilter) =>
      Promise.resolve(
        pageOf(
          newestFirst(state.runs).filter((run) => run.state === (filter.state ?? run.state)),
          filter.limit,
        ),
      ),
    run: (id: string) => Promise.resolve(state.runs.find((run) => run.id === id) ?? null),
    eventsAfter: (_id: string, sequence: number) => Promise.resolve(state.events.filter((event) => event.sequence > sequence)),
    enqueue: (request: TrainingRequest) => {
      state.asked.push(request);
      const run = runOf(String(state.runs.length + 1), { requestedBy: request.by, why: request.why });
      state.runs.push(run);
      return Promise.resolve({ run, isNew: true });
    },
  };
  const registry = {
    list: (filter: ModelFilter) =>
      Promise.resolve(
        pageOf(
          newestFirst(state.models).filter((model) => model.state === filter.state),
          filter.limit,
        ),
      ),
    changes: (_schema: string, _version: null, limit: number) => Promise.resolve(newestFirst(state.changes).slice(0, limit)),
    rollback: async (_schema: string, by: { by: string; why: string }) =>
      changed('rollback', state.changes.at(-1)!.replaced!, champion(), by),
    promote: async (_schema: string, version: string, by: { by: string; why: string }, _epoch?: number) =>
      changed('promote', version, champion(), by),
  };
  const comparer = {
    compare: (a: string, b: string, days: number) => {
      state.asked.push([a, b, days]);
      const wanted = { a, b, fromMs: NOW_MS - days * DAY_MS, toMs: NOW_MS, maturedBeforeMs: NOW_MS };
      return Promise.resolve(compareVersions(wanted, state.pairs, { share: 0.01 }));
    },
  };
  return {
    state,
    comparer,
    drift: { view: () => Promise.resolve(state.drift) } as unknown as DriftStore,
    runs: runs as unknown as PostgresTrainingRunStore,
    registry: registry as unknown as ModelRegistry,
  };
};
