import type { ReactNode } from 'react';
import type { StreamStatus } from '../../src/store/query-types.js';
import { count, dayAndTime, percent } from './format.js';
import type { Feed } from './live-feed.js';
import type { Place } from './place.js';
import { Mark } from './sign-in.js';

interface HeaderProps {
  readonly status: StreamStatus | null;
  readonly connection: Feed['connection'];
  readonly retryInMs: number;
  readonly place: Place;
}

export const Header = ({ status, connection, retryInMs, place }: HeaderProps) => (
  <header>
    <div className="brand">
      <h1>
        <Mark /> Surprisal
      </h1>
      <p className={`connection ${connection}`} role="status">
        {connection === 'live' && 'Live'}
        {connection === 'connecting' && 'Connecting…'}
        {connection === 'lost' && `Disconnected, trying again in ${Math.round(retryInMs / 1000)} s`}
      </p>
    </div>
    <nav aria-label="Views">
      {(['alerts', 'models'] as const).map((view) => (
        <a key={view} href={`#view=${view}`} aria-current={place.view === view ? 'page' : undefined}>
          {view === 'alerts' ? 'Alerts' : 'Models'}
        </a>
      ))}
    </nav>
    <dl className="figures" aria-label="The stream">
      <Figure name="Stream" detail={status?.newestOccurredAt ? `at ${dayAndTime(Date.parse(status.newestOccurredAt))} UTC` : ' '}>
        {status ? (
          <>
            {count(status.transactionsPerMinute)} <small>/ min</small>
          </>
        ) : (
          '–'
        )}
      </Figure>
      <Figure
        name="Transactions"
        detail={status ? `${count(status.deadLetters)} refused, ${count(status.repeats)} repeats` : ' '}
      >
        {status ? count(status.transactions) : '–'}
      </Figure>
      <Figure name="Alerts" detail="in all">
        {status ? count(status.alerts) : '–'}
      </Figure>
      <AlertRate rate={status?.alertRate ?? null} budget={status?.budget ?? null} />
      <Figure name="Model" className="versions" detail={`calibration ${status?.calibration ?? 'none yet'}`}>
        <span title={status?.model ?? undefined}>{status === null ? '–' : (status.model ?? 'none yet')}</span>
      </Figure>
    </dl>
  </header>
);

const Figure = ({
  name,
  detail,
  className = '',
  children,
}: {
  name: string;
  detail: string;
  className?: string;
  children: ReactNode;
}) => (
  <div className={className}>
    <dt>{name}</dt>
    <dd>{children}</dd>
    <dd className="detail" title={detail}>
      {detail}
    </dd>
  </div>
);

/** The meter ends at twice the budget, so that the budget is its middle. */
const AlertRate = ({ rate, budget }: { rate: number | null; budget: number | null }) => {
  const share = rate === null || budget === null ? 0 : Math.min(rate / (2 * budget), 1);
  const over = rate !== null && budget !== null && rate > 1.15 * budget;
  return (
    <div className="rate">
      <dt>Alert rate, 7 days</dt>
      <dd>
        {rate === null ? '–' : percent(rate)} <small>{budget === null ? '' : `of ${percent(budget)} budget`}</small>
      </dd>
      <dd className="detail">
        <svg
          viewBox="0 0 100 6"
          preserveAspectRatio="none"
          role="img"
          aria-label={
            rate === null || budget === null ? 'no alert rate yet' : `${percent(rate)} of a budget of ${percent(budget)}`
          }
        >
          <rect className="track" width="100" height="6" rx="1" />
          <rect className={over ? 'fill over' : 'fill'} width={100 * share} height="6" rx="1" />
          <rect className="limit" x="49.6" width="0.8" height="6" />
        </svg>
      </dd>
    </div>
  );
};
