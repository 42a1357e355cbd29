import type { Alert, Reason } from '../../src/domain/alert.js';
import { CHANNEL_NAMES, number } from './format.js';

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
            {alert.reasons.map((reason) => (
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
    <td className="observed">{number(reason.observed)}</td>
    <td className="usual">
      {reason.usual === null ? (
        <span className="muted">–</span>
      ) : (
        <>
          <span>
            {number(reason.usual.low)} – {number(reason.usual.high)}{' '}
            <small>{reason.usual.basis === 'entity' ? 'own habit' : 'under the model'}</small>
          </span>
          <UsualStrip reason={reason} />
        </>
      )}
    </td>
  </tr>
);

/** Where the observed value lies beside the usual interval. */
const UsualStrip = ({ reason: { observed, usual } }: { reason: Reason }) => {
  if (usual === null || typeof observed !== 'number') return null;
  const { low, median, high } = usual;
  if (typeof low !== 'number' || typeof high !== 'number' || typeof median !== 'number') return null;
  const from = Math.min(low, observed);
  const span = Math.max(high, observed) - from;
  if (!(span > 0)) return null;
  const at = (value: number): number => 3 + (94 * (value - from)) / span;
  return (
    <svg className="strip" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect className="axis" x="0" y="3.5" width="100" height="1" />
      <rect className="interval" x={at(low)} y="1.5" width={Math.max(at(high) - at(low), 0.8)} height="5" />
      <rect className="median" x={at(median) - 0.3} y="1.5" width="0.6" height="5" />
      <rect className="seen" x={at(observed) - 0.8} y="0" width="1.6" height="8" />
    </svg>
  );
};
