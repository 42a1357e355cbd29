import { Fragment, useEffect, useState, type ReactNode } from 'react';
import type {
  ComparedVersion,
  CountedShare,
  Flip,
  FlipGroup,
  VersionComparison,
  VersionOnRow,
} from '../../src/domain/version-comparison.js';
import { CHANNEL_NAMES, count, dayAndTime, oneIn, percent } from './format.js';
import { reasonOf, type Service } from './service.js';

/** Enough to see what kind of rows they are. */
const FLIPS_SHOWN = 5;

interface ComparisonProps {
  readonly service: Service;
  readonly champion: string;
  readonly challenger: string;
}

/** What a challenger says beside the champion. Up to some hundred thousand rows are read for it: each time that it is opened, and only then. */
export const Comparison = (props: ComparisonProps) => {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="comparison" onToggle={({ currentTarget }) => setIsOpen(currentTarget.open)}>
      <summary>Beside the champion</summary>
      {isOpen && <Asked key={props.champion} {...props} />}
    </details>
  );
};

const Asked = ({ service, champion, challenger }: ComparisonProps) => {
  const [comparison, setComparison] = useState<VersionComparison | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    service.compare(champion, challenger, stop.signal).then(setComparison, (failure: unknown) => {
      if (!stop.signal.aborted) setError(reasonOf(failure));
    });
    return () => stop.abort();
  }, [service, champion, challenger]);
  if (error !== null)
    return (
      <p className="wrong" role="alert">
        {error}
      </p>
    );
  return comparison === null ? (
    <p className="muted" role="status">
      Loading…
    </p>
  ) : (
    <Compared comparison={comparison} />
  );
};

const rowsOf = (n: number): string => (n === 1 ? '1 row' : `${count(n)} rows`);

const Compared = ({ comparison }: { comparison: VersionComparison }) => {
  const { rows, everyNth, undecided, rowsPerDay, onlyA, onlyB } = comparison;
  const span = `${dayAndTime(Date.parse(comparison.from))} to ${dayAndTime(Date.parse(comparison.to))} UTC`;
  return (
    <>
      <p>
        {rows === 0
          ? 'No row that both decided yet'
          : everyNth === 1
            ? `${rowsOf(rows)} that both decided`
            : `${rowsOf(rows)}, one in ${count(everyNth)} of those that both decided`}
        {rows > 0 && `, ${span}`}
        {rowsPerDay !== null && `; ${count(rowsPerDay)} a day`}.
        {undecided > 0 && ` ${rowsOf(undecided)} more had no calibration of one of them.`}
      </p>
      {rows > 0 && (
        <>
          <FigureTable comparison={comparison} />
          <Flips title="Only the champion alerts" group={onlyA} />
          <Flips title="Only the challenger alerts" group={onlyB} />
        </>
      )}
    </>
  );
};

const FigureTable = ({ comparison }: { comparison: VersionComparison }) => {
  const { a, b, budgetPerDay, rankCorrelation, sameDecision, alertsOfBoth } = comparison;
  const ofEach = (cell: (version: ComparedVersion) => ReactNode): ReactNode =>
    [a, b].map((version) => <td key={version.version}>{cell(version)}</td>);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`${b.version} beside the champion as a table`}>
      <table className="compared">
        <thead>
          <tr>
            <td>
              <small>shares with 95 % intervals</small>
            </td>
            <th scope="col">Champion</th>
            <th scope="col">Challenger</th>
          </tr>
        </thead>
        <tbody>
          <Row name="Alerts a day" note={`budget ${perDay(budgetPerDay)}`}>
            {ofEach(({ alertsPerDay, alerts }) => (
              <>
                <b>{perDay(alertsPerDay)}</b> <Interval counted={alerts} />
              </>
            ))}
          </Row>
          <Row name="Known frauds caught">
            {ofEach(({ caughtFrauds }) => (
              <Counted counted={caughtFrauds} />
            ))}
          </Row>
          <Row name="False alarms" note="of known legitimate">
            {ofEach(({ falseAlarms }) => (
              <Counted counted={falseAlarms} />
            ))}
          </Row>
          <Row name="Same decision">
            <td colSpan={2}>
              <Counted counted={sameDecision} />
            </td>
          </Row>
          <Row name="Alerts of both">
            <td colSpan={2}>
              <b>{count(alertsOfBoth)}</b>
            </td>
          </Row>
          <Row name="Rank correlation">
            <td colSpan={2}>
              <b>{rankCorrelation?.toFixed(4) ?? '–'}</b>
            </td>
          </Row>
        </tbody>
      </table>
    </div>
  );
};

const Row = ({ name, note, children }: { name: string; note?: string; children: ReactNode }) => (
  <tr>
    <th scope="row">
      {name} {note !== undefined && <small>{note}</small>}
    </th>
    {children}
  </tr>
);

const perDay = (alerts: number | null): string => (alerts === null ? '–' : alerts.toFixed(alerts < 100 ? 1 : 0));

const Counted = ({ counted }: { counted: CountedShare }) =>
  counted.of === 0 ? (
    <span className="muted">none known</span>
  ) : (
    <>
      <b>
        {count(counted.count)} of {count(counted.of)}
      </b>{' '}
      <Interval counted={counted} />
    </>
  );

const bare = (share: number): string => percent(share).replace('\u00a0%', '');

/** A share and its 95 % interval, in percent. */
const Interval = ({ counted: { share, low, high } }: { counted: CountedShare }) =>
  share !== null && (
    <small>
      {percent(share)},{' '}
      <span className="interval">
        {bare(low)} to {bare(high)}
      </span>
    </small>
  );

const Flips = ({ title, group }: { title: string; group: FlipGroup }) => {
  const { rows, frauds, legitimate } = group;
  const examples = group.examples.slice(0, FLIPS_SHOWN);
  return (
    <section aria-label={title}>
      <h4>
        {title}{' '}
        <small>
          {rowsOf(rows)}, known as fraud {count(frauds)}, as legitimate {count(legitimate)}
          {examples.length < rows && examples.length > 0 && '; below those whose p-values are furthest apart'}
        </small>
      </h4>
      {examples.length > 0 && (
        <ul className="flips">
          {examples.map((flip) => (
            <FlipExample key={flip.transactionId} flip={flip} />
          ))}
        </ul>
      )}
    </section>
  );
};

const FlipExample = ({ flip }: { flip: Flip }) => {
  const { transactionId, occurredAt, entities, amount, currency, label, a, b } = flip;
  const reason = a.reason ?? b.reason;
  return (
    <li>
      <p className="what">
        {amount !== null && (
          <b>
            {amount} {currency}
          </b>
        )}
        {label !== null && <span className={`badge label-${label}`}>{label}</span>}
        <time dateTime={occurredAt}>{dayAndTime(Date.parse(occurredAt))}</time>
      </p>
      <p className="muted">
        transaction <b>{transactionId}</b>
        {Object.entries(entities).map(([type, id]) => (
          <Fragment key={type}>
            {' '}
            · {type} <b>{id}</b>
          </Fragment>
        ))}
      </p>
      <p>
        champion: {said(a)}; challenger: {said(b)}
      </p>
      {reason !== null && <p className="muted">{reason}</p>}
    </li>
  );
};

/** "decline by density, 1 in 8,300" */
const said = ({ outcome, lane, minusLog10P }: VersionOnRow): string =>
  `${outcome}${lane === null ? '' : ` by ${CHANNEL_NAMES[lane].name.toLowerCase()}`}, ${oneIn(minusLog10P)}`;
