import type { TrainingRun } from '../../src/training/ports.js';
import type { Question } from './confirm.js';
import { dayAndTime, lasted, percent } from './format.js';
import { placeOfRun } from './place.js';
import { useRunProgress } from './run-progress.js';
import { runReport, verdictWords } from './run-report.js';
import type { Service } from './service.js';

interface TrainingRunsProps {
  readonly runs: readonly TrainingRun[];
  readonly chosen: string | null;
  readonly service: Service;
  readonly onAsk: (question: Question) => void;
  readonly onChange: () => void;
}

export const TrainingRuns = ({ runs, chosen, service, onAsk, onChange }: TrainingRunsProps) => (
  <section className="runs" aria-labelledby="runs-title">
    <div className="runs-head">
      <h2 id="runs-title">Training runs</h2>
      <button type="button" onClick={() => onAsk(retrainOf(runs, service))}>
        Retrain now
      </button>
    </div>
    {runs.length === 0 && <p className="muted">None yet. They come by the schedule, by drift, by new labels, or by hand.</p>}
    <ol aria-label="Training runs, newest first">
      {runs.map((run) => (
        <Run
          key={run.id}
          run={run}
          isChosen={run.id === chosen}
          isRetried={runs.some(({ retryOf }) => retryOf === run.id)}
          service={service}
          onAsk={onAsk}
          onChange={onChange}
        />
      ))}
    </ol>
  </section>
);

interface RunProps extends Pick<TrainingRunsProps, 'service' | 'onAsk' | 'onChange'> {
  readonly run: TrainingRun;
  readonly isChosen: boolean;
  /** Another was queued in its place. */
  readonly isRetried: boolean;
}

const TRIGGERS: Readonly<Record<TrainingRun['trigger'], string>> = {
  schedule: 'by the schedule',
  drift: 'by drift',
  labels: 'by new labels',
  manual: 'by hand',
};

const Run = ({ run, isChosen, isRetried, service, onAsk, onChange }: RunProps) => {
  const verdict = runReport(run)?.verdict ?? null;
  const ask =
    run.state === 'queued' || run.state === 'running' ? cancelOf(run, service) : isRetried ? null : retryOf(run, service);
  return (
    <li aria-current={isChosen ? 'true' : undefined}>
      <p className="what">
        <a href={placeOfRun(run.id)}>Run {run.id}</a>
        <span className={`badge state-${run.state}`}>{run.cancelRequestedAt && !run.finishedAt ? 'cancelling' : run.state}</span>
        {verdict !== null && <span className={`badge verdict-${verdict}`}>gate: {verdictWords(verdict)}</span>}
      </p>
      <p>
        {TRIGGERS[run.trigger]}: {run.why}
      </p>
      <p className="muted">
        asked for by {run.requestedBy}, {dayAndTime(Date.parse(run.requestedAt))} UTC
        {run.startedAt !== null && run.finishedAt !== null && `; took ${lasted(run.startedAt, run.finishedAt)}`}
        {run.attempt > 1 && `; attempt ${run.attempt}`}
        {run.retryOf !== null && `; of run ${run.retryOf}`}
      </p>
      {run.state === 'running' && <Progress run={run.id} service={service} onChange={onChange} />}
      {run.error !== null && <p className="wrong">{run.error}</p>}
      {ask !== null && (
        <button type="button" onClick={() => onAsk(ask)} aria-label={`${ask.verb}: run ${run.id}`}>
          {ask.verb}
        </button>
      )}
    </li>
  );
};

const Progress = ({ run, service, onChange }: { run: string; service: Service; onChange: () => void }) => {
  const latest = useRunProgress(service, run, onChange);
  if (latest === null) return <p className="muted">Waiting for a word of it…</p>;
  const share = Math.min(1, Math.max(0, latest.share));
  return (
    <div className="progress">
      <p>
        {latest.step} <span className="muted">{percent(share)}</span>
      </p>
      <svg
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
        role="progressbar"
        aria-label={`Step of run ${run}: ${latest.step}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * share)}
      >
        <rect className="track" width="100" height="4" rx="0.5" />
        <rect className="fill" width={100 * share} height="4" rx="0.5" />
      </svg>
      <p className="muted">{latest.message}</p>
    </div>
  );
};

const retrainOf = (runs: readonly TrainingRun[], service: Service): Question => ({
  title: 'Retrain now?',
  consequences: [
    runs.some(({ state }) => state === 'running')
      ? 'A training run is queued; it begins when the one that is running has ended.'
      : 'A training run is queued; a trainer begins it at once.',
    'It learns from the stored history. The gate says what becomes of its model: one that passes becomes the champion, unless a person has to agree.',
  ],
  verb: 'Retrain',
  act: async (by) => `Training run ${(await service.retrain(by)).id} is queued.`,
});

const cancelOf = (run: TrainingRun, service: Service): Question | null =>
  run.cancelRequestedAt !== null
    ? null
    : {
        title: `Cancel training run ${run.id}?`,
        consequences: [
          run.state === 'queued'
            ? 'It ends at once, without a model.'
            : 'It ends within seconds, without a model; what it has computed is thrown away.',
          'The champion goes on as it is.',
        ],
        verb: 'Cancel the run',
        act: async (by) => {
          const { state } = await service.cancel(run.id, by);
          return state === 'cancelled' ? `Training run ${run.id} is cancelled.` : `Training run ${run.id} is told to stop.`;
        },
      };

const retryOf = (run: TrainingRun, service: Service): Question | null =>
  run.state === 'succeeded'
    ? null
    : {
        title: `Retry training run ${run.id}?`,
        consequences: [`A new run with the seed of run ${run.id} is queued; it reads the history as it is by then.`],
        verb: 'Retry',
        act: async (by) => `Training run ${(await service.retry(run.id, by)).id} is queued.`,
      };
