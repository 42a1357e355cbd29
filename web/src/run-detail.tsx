import { useEffect, useRef } from 'react';
import type { TrainingRun } from '../../src/training/ports.js';
import { AugmentationTable } from './augmentation-table.js';
import { count, dayAndTime, percent } from './format.js';
import { GateChecks } from './gate-checks.js';
import { RehearsalTable } from './rehearsal-table.js';
import { runReport, verdictWords, type RunReport } from './run-report.js';

interface RunDetailProps {
  readonly run: TrainingRun | null;
  readonly error: string | null;
  /** Somebody asked for this one. */
  readonly isChosen: boolean;
}

/** What the gate says of a run's model: the verdict on top, then every figure that led to it. */
export const RunDetail = ({ run, error, isChosen }: RunDetailProps) => {
  const section = useRef<HTMLElement>(null);
  const isThere = run !== null;
  // On a narrow page the report is below the list: bring it into sight.
  useEffect(() => {
    if (isChosen && isThere && matchMedia('(max-width: 880px)').matches) section.current?.scrollIntoView({ block: 'start' });
  }, [isChosen, isThere]);
  if (error !== null)
    return (
      <p className="wrong" role="alert">
        {error}
      </p>
    );
  if (run === null) return <p className="muted">The gate’s report of a training run is shown here once one has ended.</p>;
  const report = runReport(run);
  return (
    <section ref={section} className="run-detail" aria-labelledby="run-title">
      <h2 id="run-title">
        Training run {run.id}
        {report !== null && <span className={`badge verdict-${report.verdict}`}>{verdictWords(report.verdict)}</span>}
      </h2>
      {report === null ? <p className="muted">{noReport(run)}</p> : <Report report={report} />}
      <Origin run={run} />
    </section>
  );
};

const noReport = ({ state, report }: TrainingRun): string => {
  if (report !== null) return 'Its report is of a build that this page cannot read; "surprisal models show" prints it.';
  return state === 'queued' || state === 'running'
    ? 'It has not ended: there is no report yet.'
    : `It has no report: it ${state === 'cancelled' ? 'was cancelled' : state === 'lost' ? 'was lost' : 'failed'}.`;
};

const Report = ({ report }: { report: RunReport }) => (
  <>
    <div className={`sentence verdict verdict-${report.verdict}`}>
      <ul>
        {report.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      <p className="muted">{basis(report)}</p>
    </div>
    <GateChecks gate={report.gate} />
    {report.rehearsal?.candidate && (
      <RehearsalTable candidate={report.rehearsal.candidate} champion={report.rehearsal.champion ?? null} />
    )}
    {report.training?.augmentation && <AugmentationTable augmentation={report.training.augmentation} />}
  </>
);

/** On how much the verdict stands. */
const basis = ({ gate, training }: RunReport): string => {
  const learned =
    training?.trainRows !== undefined
      ? `Learned from ${count(training.trainRows)} rows with ${count(training.trainFrauds ?? 0)} frauds. `
      : '';
  const judged =
    gate.rows !== undefined
      ? `Judged on ${count(gate.rows)} later rows; the labels of ${count(gate.maturedRows ?? 0)} have matured, ${count(gate.maturedFrauds ?? 0)} of them frauds; ${percent(gate.immatureShare ?? 0)} are too young to be judged by label.`
      : '';
  return learned + judged;
};

const Origin = ({ run }: { run: TrainingRun }) => (
  <p className="muted origin">
    {run.version !== null && `Version ${run.version} · `}
    {run.data !== null &&
      `data ${dayAndTime(Date.parse(run.data.from))} to ${dayAndTime(Date.parse(run.data.to))}, hash ${run.data.hash.slice(0, 12)} · `}
    seed {run.seed} · carried out by {run.holder ?? 'nobody yet'}
  </p>
);
