import type { Alert, Reason } from '../../src/domain/alert.js';
import { clockTime, duration } from '../../src/domain/time-words.js';
import { CHANNEL_NAMES, number } from './format.js';

/** Columns that speak of the hour of the day, observed and usual; above `high`, `low` means a stretch over midnight. */
const HOURS = new Set(['hour', 's_hour']);

/** A value in the unit of the reason's text. A gap is in days where there is a habit to hold it against. */
const shown = ({ feature, usual }: Reason, value: number | string): string => {
  if (typeof value === 'string') return value;
  if (HOURS.has(feature)) return clockTime(value);
  return feature === 's_gap' && usual !== null ? duration(value) : number(value);
};

/** Several columns can say the same of one field: the strongest speaks for them. Reasons come largest first. */
const distinct = (reasons: readonly Reason[]): readonly Reason[] =>
  reasons.filter((reason, i) => reasons.findIndex(({ text }) => text === reason.text) === i);

/** The terms of the channel that raised the alert, as bars in nats, each beside what was observed and what is usual. */
export const Reasons = ({ alert }: { alert: Alert }) => {
  const longest = Math.max(...alert.reasons.map((reason) => reason.nats), 0.1);
  return (
    <section aria-labelledby="reasons-title">
      <h3 id="reasons-title">
        Why{' '}
        <small>
          {CHANNEL_NAMES[alert.lane].name.toLowerCase()} channel, nats of{' '}
          {alert.lane === 'S' || alert.lane === 'H' ? 'log-odds' : 'surprisal'}
        </small>
      </h3>
      {alert.reasons.length === 0 ? (
        <p className="muted">This channel gives no reasons for this alert.</p>
      ) : (
        <table className="reasons">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Nats</th>
              <th scope="col">Observed</th>
              <th scope="col">Usual, 5–95 %</th>
            </tr>
          </thead>
          <tbody>
            {distinct(alert.reasons).map((reason) => (
              <ReasonRow key={reason.feature} reason={reason} longest={longest} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
};

const ReasonRow = ({ reason, longest }: { reason: Reason; longest: number }) => (
  <tr>
    <th scope="row">
      {reason.field}
      <small>{reason.text}</small>
    </th>
    <td className="bar-cell">
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect
          className={`bar-${reason.channel}`}
          width={Math.max(0.5, (100 * Math.max(reason.nats, 0)) / longest)}
          height="10"
          rx="0.6"
        />
      </svg>
      <span>{reason.nats.toFixed(2)}</span>
    </td>
    <td className="observed">{shown(reason, reason.observed)}</td>
    <td className="usual">
      {reason.usual === null ? (
        <span className="muted">–</span>
      ) : (
        <>
          <span>
            {shown(reason, reason.usual.low)}
            {reason.usual.low !== reason.usual.high && ` – ${shown(reason, reason.usual.high)}`}{' '}
            <small>{reason.usual.basis === 'entity' ? 'own habit' : 'under the model'}</small>
          </span>
          <UsualStrip reason={reason} />
        </>
      )}
    </td>
  </tr>
);

/** Where the observed value lies beside the usual interval. */
const UsualStrip = ({ reason: { feature, observed, usual } }: { reason: Reason }) => {
  if (usual === null || typeof observed !== 'number') return null;
  const { low, median, high } = usual;
  if (typeof low !== 'number' || typeof high !== 'number' || typeof median !== 'number') return null;
  const isDay = HOURS.has(feature);
  const from = isDay ? 0 : Math.min(low, observed);
  const span = isDay ? 24 : Math.max(high, observed) - from;
  if (!(span > 0)) return null;
  const at = (value: number): number => 3 + (94 * (value - from)) / span;
  const stretches: [number, number][] =
    isDay && low > high ? [[low, 24], ...(high > 0 ? [[0, high] as [number, number]] : [])] : [[low, high]];
  return (
    <svg className="strip" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect className="axis" x="0" y="3.5" width="100" height="1" />
      {stretches.map(([start, end]) => (
        <rect key={start} className="interval" x={at(start)} y="1.5" width={Math.max(at(end) - at(start), 0.8)} height="5" />
      ))}
      <rect className="median" x={at(median) - 0.3} y="1.5" width="0.6" height="5" />
      <rect className="seen" x={at(observed) - 0.8} y="0" width="1.6" height="8" />
    </svg>
  );
};
