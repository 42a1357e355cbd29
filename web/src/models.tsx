import type { Alert } from '../../src/domain/alert.js';
import type { Channel } from '../../src/domain/decision.js';
import { CHANNEL_NAMES, number, oneIn, percent } from './format.js';

/** The scale of the bars: 1 in a million fills them. */
const DECADES = 6;

/** What each model says of the same transaction: the generative and the discriminative one first, then the two others. */
export const Models = ({ alert }: { alert: Alert }) => (
  <section aria-labelledby="models-title">
    <h3 id="models-title">
      Models side by side <small>how rare such a score is in recent traffic</small>
    </h3>
    <div className="models">
      {(['D', 'S', 'T', 'H'] as const).map((channel) => (
        <Model key={channel} channel={channel} alert={alert} />
      ))}
    </div>
  </section>
);

const Model = ({ channel, alert }: { channel: Channel; alert: Alert }) => {
  const { score, minusLog10P } = alert.channels[channel];
  const { name, about } = CHANNEL_NAMES[channel];
  const length = Math.min(100, (100 * (minusLog10P ?? 0)) / DECADES);
  return (
    <article className={channel === 'S' || channel === 'D' ? 'model main' : 'model'} aria-label={name}>
      <h4>
        <span className={`dot bar-${channel}`} /> {name}
        {alert.lane === channel && <span className="badge raised">raised it</span>}
      </h4>
      <p className="rarity">{oneIn(minusLog10P)}</p>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect className="track" width="100" height="4" rx="0.5" />
        <rect className={`bar-${channel}`} width={length} height="4" rx="0.5" />
      </svg>
      <p className="muted score">
        score {number(score)}
        {minusLog10P !== null && ` · p ${pValue(minusLog10P)}`}
        {channel === 'S' && alert.fraudProbability !== null && ` · fraud ${percent(alert.fraudProbability)}`}
      </p>
      <p className="muted about">{about}</p>
    </article>
  );
};

const pValue = (minusLog10P: number): string => {
  if (minusLog10P < 3) return (10 ** -minusLog10P).toPrecision(2);
  const exponent = Math.ceil(minusLog10P);
  return `${(10 ** (exponent - minusLog10P)).toFixed(1)}·10⁻${[...String(exponent)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`;
};
