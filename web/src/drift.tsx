import { useEffect, useState } from 'react';
import type { DriftView } from '../../src/store/drift-view.js';
import type { DriftReport } from '../../src/training/ports.js';
import { day } from './format.js';
import { reasonOf, type Service } from './service.js';

const LOOK_MS = 30_000;
const DAYS_SHOWN = 14;

/** What has drifted since the champion was trained; a day is judged once, after it has closed. */
export const Drift = ({ service }: { service: Service }) => {
  const { view, error } = useDrift(service);
  return (
    <section className="drift" aria-labelledby="drift-title">
      <h2 id="drift-title">
        Drift <small>since the champion was trained; it changes no model by itself</small>
      </h2>
      {error !== null && (
        <p className="wrong" role="alert">
          {error}
        </p>
      )}
      {view !== null ? (
        <Found view={view} />
      ) : (
        error === null && (
          <p className="muted" role="status">
            Loading…
          </p>
        )
      )}
    </section>
  );
};

const useDrift = (service: Service) => {
  const [view, setView] = useState<DriftView | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        setView(await service.drift(DAYS_SHOWN, stop.signal));
        setError(null);
      } catch (failure) {
        if (stop.signal.aborted) return;
        setError(reasonOf(failure));
      }
      if (!stop.signal.aborted) timer = setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [service]);
  return { view, error };
};

const Found = ({ view }: { view: DriftView }) => {
  const { champion, reference, note, alarms, days } = view;
  if (champion === null) return <p className="muted">There is no champion: nothing is watched.</p>;
  const { others, notJudged } = reportOf(view);
  return (
    <>
      <p className="muted">
        {champion}:{' '}
        {reference
          ? `held against ${reference.madeFrom} of ${dateOf(reference.from)} to ${dateOf(reference.to)}.`
          : 'not judged yet.'}
      </p>
      {note !== null && <p className="muted">{note}</p>}
      <p>{newestDay(view, others.length)}</p>
      {alarms.length > 0 && (
        <ul className="sentence verdict-reject" aria-label="Alarms of drift">
          {alarms.map(({ since, kind, field, sentence }) => (
            <li key={`${kind}/${field}`}>
              <span className="badge verdict-reject">{words(kind)}</span> {sentence}{' '}
              <small>
                since {dateOf(since)}
                {days.length === DAYS_SHOWN && since === days.at(-1)!.date && ' or before'}
              </small>
            </li>
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <details>
          <summary>Other findings: {others.length}</summary>
          <ul className="reasons-list">
            {others.map(({ kind, field, sentence }) => (
              <li key={`${kind}/${field}`}>
                <span className="badge">{words(kind)}</span> {sentence}
              </li>
            ))}
          </ul>
        </details>
      )}
      {notJudged.map((reason) => (
        <p key={reason} className="muted beneath">
          Not judged: {reason}.
        </p>
      ))}
      {days.length > 0 && <Days days={days} />}
    </>
  );
};

/** A stored report, maybe of an earlier build: every part may be absent. */
const reportOf = ({ report }: DriftView) => {
  const { findings, notJudged } = (report ?? {}) as { findings?: DriftReport['findings'][number][]; notJudged?: string[] };
  return {
    others: Array.isArray(findings) ? findings.filter(({ isAlarm }) => !isAlarm) : [],
    notJudged: Array.isArray(notJudged) ? notJudged : [],
  };
};

const words = (kind: string): string => kind.replace('-', ' ');
const dateOf = (date: string): string => day(Date.parse(date));

const newestDay = ({ champion, alarms, days }: DriftView, others: number): string => {
  const newest = days[0];
  if (newest === undefined) return 'No day was judged yet.';
  const counts = `${alarms.length} ${alarms.length === 1 ? 'alarm' : 'alarms'}, ${others} other ${others === 1 ? 'finding' : 'findings'}`;
  return `Newest day ${dateOf(newest.date)}${newest.model === champion ? '' : `, of ${newest.model}`}: ${counts}.`;
};

/** One column a day, and over the days whose model they were of. */
const Days = ({ days }: Pick<DriftView, 'days'>) => (
  <div className="scroll" tabIndex={0} role="region" aria-label="Drift by day as a table">
    <table className="drift-days">
      <thead>
        <tr>
          <th scope="row">Newest first</th>
          {days.map(({ date }) => (
            <th key={date} scope="col">
              {dateOf(date)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {(['findings', 'alarms'] as const).map((name) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {days.map((each) => (
              <td key={each.date} className={name === 'alarms' && each.alarms > 0 ? 'alarmed' : undefined}>
                {each[name]}
              </td>
            ))}
          </tr>
        ))}
        <tr>
          <th scope="row">model</th>
          {spansOf(days).map(({ from, model, length }) => (
            <td key={from} colSpan={length} className="of-model">
              {model}
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  </div>
);

/** Days one after the other that were judged of the same model. */
const spansOf = (days: DriftView['days']): readonly { from: string; model: string; length: number }[] => {
  const spans: { from: string; model: string; length: number }[] = [];
  for (const { date, model } of days) {
    const last = spans.at(-1);
    if (last?.model === model) last.length += 1;
    else spans.push({ from: date, model, length: 1 });
  }
  return spans;
};
