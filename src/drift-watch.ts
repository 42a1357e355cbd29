import { InputError } from './domain/input-error.js';
import { DAY_MS, isoDate } from './domain/time.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import type { DriftRunner } from './threads/drift-thread.js';
import type { FeatureSet } from './features/catalog.js';
import { readFeatureSet } from './scoring/scoring-model.js';
import type { Stores } from './service-stores.js';
import type { DriftState } from './store/drift.store.js';
import type { ServedRange } from './store/drift-rows.js';
import { WEEK_DAYS } from './training/drift/daily-shares.js';
import type { DriftDay } from './training/drift/drift-day.js';
import { parseDriftReference, type DriftReference } from './training/drift/drift-reference.js';
import { driftReport, type DriftReport } from './training/drift/drift-report.js';
import type { DriftSettings } from './training/drift/drift-settings.js';
import { checkProbabilities, estimatePerformance, type EstimatedPerformance } from './training/drift/estimated-performance.js';
import { alarmKey } from './training/drift/findings.js';
import type { MaturedDay } from './training/drift/matured-shares.js';
import type { ServedDay } from './training/drift/served-rows.js';
import { nextScoreMartingale, startScoreMartingale } from './training/drift/score-martingale.js';

/** Whole weeks of served rows that a reference is made of where training left none. */
const SERVED_WEEKS = 4;
/** Days that one look makes up for after a standstill; older ones are never judged. */
const CATCH_UP_DAYS = 28;

export interface DriftWatch {
  readonly schema: TransactionSchema;
  readonly settings: DriftSettings;
  readonly stores: Pick<Stores, 'models' | 'drift' | 'driftRows'>;
  readonly run: DriftRunner;
  /** Asks for a training run, where none waits, runs or has ended lately. @returns whether it was asked for */
  readonly retrain: (why: string) => Promise<boolean>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What is watched: the champion and the features that its rows were served with. */
interface Watched {
  readonly model: string;
  readonly featureSet: FeatureSet;
}

/**
 * One look: every event day of the champion that has closed since the last one. It changes no model: an alarm is a line of the
 * log and a row, and the martingale of the scores alone asks for a training run, which passes the gate like any other.
 *
 * @param closedDay newest closed event day (epoch day, UTC)
 */
export const watchDrift = async (given: DriftWatch, closedDay: number): Promise<void> => {
  const { schema, stores, signal } = given;
  const model = await stores.models.championVersion(schema.name);
  if (model === null) return;
  let state = await stores.drift.state(model);
  if ((state?.day ?? -Infinity) >= closedDay) return askForRun(given, model);
  const champion = await stores.models.champion(schema.name);
  if (champion?.version.version !== model) return;
  const watched = { model, featureSet: readFeatureSet(champion.artifact) };
  const first = state?.day == null ? closedDay : Math.max(state.day + 1, closedDay - CATCH_UP_DAYS + 1);
  for (let day = first; day <= closedDay; day += 1) {
    signal.throwIfAborted();
    await watchDay(given, watched, state, day);
    state = await stores.drift.state(model);
  }
  await askForRun(given, model);
};

/**
 * At every look for as long as the alarm lasts: the run that was under way when it began, or one that did not pass the gate, has
 * not answered it.
 */
const askForRun = async ({ schema, stores, retrain }: DriftWatch, model: string): Promise<void> => {
  const [newest] = await stores.drift.reports(schema.name, 1);
  const alarm = newest?.model === model && newest.report.alarms.find(({ kind }) => kind === 'scores');
  if (alarm) await retrain(`drift of ${model} on ${dateOf(newest.day)}: ${alarm.sentence}`);
};

const dateOf = (day: number): string => isoDate(day * DAY_MS);

const watchDay = async (given: DriftWatch, watched: Watched, state: DriftState | null, day: number): Promise<void> => {
  const { schema, stores } = given;
  const { model } = watched;
  const { reference, note } = await referenceOf(given, watched, state, day);
  const served = await countDay(given, watched, reference, day);
  const before = state?.martingale ?? startScoreMartingale(model);
  const martingale = served.scores ? nextScoreMartingale(before, day, served.scores) : before;
  const report = reference
    ? driftReport(
        {
          day,
          reference,
          days: await windowOf(given, watched, reference, day),
          scores: martingale.days.length > 0 ? martingale : null,
          ...(await labelsOf(given, model, day)),
        },
        given.settings,
      )
    : null;
  const last = (await stores.drift.reports(schema.name, 1))[0]?.report ?? null;
  if (!(await stores.drift.finishDay({ schema: schema.name, model, day }, martingale, report, note))) return;
  if (note !== null && note !== state?.note) given.say(`drift: ${note}`);
  if (report) tell(given, model, report, last);
};

/** An alarm is told when it begins: for as long as it lasts it stands in the reports. */
const tell = ({ say }: DriftWatch, model: string, report: DriftReport, last: DriftReport | null): void => {
  const lasting = new Set(last?.reference === report.reference ? last.alarms.map(alarmKey) : []);
  for (const alarm of report.alarms.filter((one) => !lasting.has(alarmKey(one))))
    say(`drift alarm (${alarm.kind}) on ${dateOf(report.day)} of ${model}: ${alarm.sentence}`);
};

const rangeOf = ({ schema }: DriftWatch, { model, featureSet }: Watched, fromDay: number, toDay: number): ServedRange => {
  const labels = schema.label ? { asOfMs: (toDay + 1) * DAY_MS, delayMs: schema.label.delayDays * DAY_MS } : null;
  return { fromDay, toDay, model, featureSet: featureSet.id, ofModelOnly: false, labels };
};

interface Referred {
  readonly reference: DriftReference | null;
  /** Why days are not judged, or by what they are where training left nothing. */
  readonly note: string | null;
}

/** Of training; of a model that came without one, from the first weeks that it served. */
const referenceOf = async (given: DriftWatch, watched: Watched, state: DriftState | null, day: number): Promise<Referred> => {
  const { stores, settings, schema, run, signal } = given;
  const { model, featureSet } = watched;
  if (state?.reference) return keptReference(model, state.reference, state.note);
  // The first day is whole only if the model did not take over in the middle of it.
  const firstDay = state?.martingale?.days[0]?.day ?? day;
  const wanted = SERVED_WEEKS * WEEK_DAYS;
  const without = `${model} came without a reference of its training rows`;
  if (day - firstDay < wanted)
    return { reference: null, note: `${without}: one is made when it has served ${SERVED_WEEKS} whole weeks` };
  const range = { ...rangeOf(given, watched, firstDay + 1, firstDay + wanted), ofModelOnly: true };
  const task = { kind: 'reference', schema, columns: featureSet.columns, id: model, settings } as const;
  try {
    const reference = await run(task, stores.driftRows.served(range, 'reference'), signal);
    await stores.drift.saveReference(model, reference, 'served rows');
    return { reference, note: `${without}: it is held against the first ${SERVED_WEEKS} weeks that it served` };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { reference: null, note: `${without}, and none can be made: ${error.message}` };
  }
};

/** One that another build wrote in another form is no reference: the next model brings its own. */
const keptReference = (model: string, kept: unknown, note: string | null): Referred => {
  try {
    return { reference: parseDriftReference(kept), note };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return {
      reference: null,
      note: `the reference kept of ${model} is not of this build (${error.message}): days are not judged`,
    };
  }
};

const countDay = async (
  given: DriftWatch,
  watched: Watched,
  reference: DriftReference | null,
  day: number,
): Promise<ServedDay> => {
  const { stores, schema, settings, run, signal } = given;
  const range = { ...rangeOf(given, watched, day, day), labels: null };
  const task = {
    kind: 'day',
    schema,
    columns: watched.featureSet.columns,
    day,
    reference,
    scoresMin: Math.ceil(settings.rowsMin / WEEK_DAYS),
  } as const;
  const served = await run(task, stores.driftRows.served(range, 'day'), signal);
  if (served.counts) await stores.drift.saveDay(watched.model, served.counts);
  return served;
};

/** The last two weeks; those before the champion's first day are counted by its bins when it takes over. */
const windowOf = async (
  given: DriftWatch,
  watched: Watched,
  reference: DriftReference,
  day: number,
): Promise<readonly DriftDay[]> => {
  const { drift } = given.stores;
  const fromDay = day - 2 * WEEK_DAYS + 1;
  const known = new Set((await drift.days(watched.model, fromDay, day)).map((one) => one.day));
  for (let missing = fromDay; missing < day; missing += 1)
    if (!known.has(missing)) await countDay(given, watched, reference, missing);
  return drift.days(watched.model, fromDay, day);
};

/** What labels say: of the days whose delay has passed, and what is expected of the days after them. */
const labelsOf = async ({ schema, stores, settings }: DriftWatch, model: string, day: number) => {
  if (!schema.label) return { matured: [], judged: null, expected: null, estimate: null };
  const { drift, driftRows } = stores;
  const asOfMs = (day + 1) * DAY_MS;
  const toDay = day - Math.ceil(schema.label.delayDays);
  const fromDay = toDay - settings.labelWeeks * WEEK_DAYS + 1;
  const known = new Set((await drift.maturedDays(schema.name, fromDay, toDay)).map((one) => one.day));
  for (let missing = fromDay; missing <= toDay; missing += 1)
    if (!known.has(missing)) await drift.saveMaturedDay(schema.name, missing, await driftRows.maturedShares(missing, asOfMs));
  const matured: readonly MaturedDay[] = await drift.maturedDays(schema.name, fromDay, toDay);
  return {
    matured,
    judged: await driftRows.judged(model, { fromDay, toDay }, asOfMs),
    expected: await drift.gatePerformance(model),
    estimate: await estimateOf(stores, model, { maturedDay: toDay, day }, settings),
  };
};

const estimateOf = async (
  { driftRows }: DriftWatch['stores'],
  model: string,
  { maturedDay, day }: { readonly maturedDay: number; readonly day: number },
  { confidence }: DriftSettings,
): Promise<EstimatedPerformance | null> => {
  const asOfMs = (day + 1) * DAY_MS;
  const rows = await driftRows.scored(model, { fromDay: maturedDay + 1, toDay: day }, asOfMs);
  if (rows.alerted.length === 0) return null;
  const matured = await driftRows.scored(model, { fromDay: maturedDay - WEEK_DAYS + 1, toDay: maturedDay }, asOfMs);
  const check = matured.alerted.length > 0 ? checkProbabilities(matured, Int8Array.from(matured.labels)) : null;
  return estimatePerformance(rows, check, confidence);
};
