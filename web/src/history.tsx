import { useEffect, useState } from 'react';
import { CartesianGrid, ReferenceArea, ResponsiveContainer, Scatter, ScatterChart, Tooltip, XAxis, YAxis } from 'recharts';
import type { Alert } from '../../src/domain/alert.js';
import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import type { TransactionView } from '../../src/store/query-types.js';
import { compact, dayAndTime, day, number, oneIn, time } from './format.js';
import { reasonOf, type Service } from './service.js';

interface HistoryProps {
  readonly alert: Alert;
  readonly schema: TransactionSchema | null;
  readonly service: Service;
}

/** What this customer (the schema's primary entity) did up to this transaction. */
export const History = ({ alert, schema, service }: HistoryProps) => {
  const entity = schema?.entities[0]?.name;
  const id = entity === undefined ? undefined : alert.entities[entity];
  const [rows, setRows] = useState<readonly TransactionView[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const untilMs = Date.parse(alert.occurredAt);
  useEffect(() => {
    if (entity === undefined || id === undefined) return undefined;
    const stop = new AbortController();
    service.history(entity, id, untilMs, stop.signal).then(
      (page) => setRows(page.items),
      (failure: unknown) => {
        if (!stop.signal.aborted) setError(reasonOf(failure));
      },
    );
    return () => stop.abort();
  }, [service, entity, id, untilMs]);

  if (schema !== null && id === undefined) return null;
  return (
    <section aria-labelledby="history-title">
      <h3 id="history-title">
        Recent transactions <small>{id === undefined ? '' : `of ${entity} ${id}`}</small>
      </h3>
      {error !== null ? (
        <p className="wrong" role="alert">
          {error}
        </p>
      ) : rows === null ? (
        <p className="muted" role="status">
          Loading…
        </p>
      ) : (
        <>
          {schema?.amount && <AmountChart rows={rows} alert={alert} />}
          <HistoryTable rows={rows} current={alert.transactionId} />
        </>
      )}
    </section>
  );
};

interface Band {
  readonly low: number;
  readonly high: number;
  readonly source: string;
}

/** Features whose usual values are amounts of money. */
const AMOUNT_FEATURE = /^(tx_amount|log_amount|s_amt|z_amt)$/;

/** The alert's own statement where it speaks about the amount; else the quantiles of what is shown, without this one. */
const usualBand = (rows: readonly TransactionView[], alert: Alert): Band | null => {
  const stated = alert.reasons.find((reason) => AMOUNT_FEATURE.test(reason.feature) && reason.usual?.basis === 'entity')?.usual;
  if (stated && typeof stated.low === 'number' && typeof stated.high === 'number')
    return { low: stated.low, high: stated.high, source: 'usual 5–95 % of this customer' };
  const before = rows.filter((row) => row.id !== alert.transactionId && row.amount !== null).map((row) => Number(row.amount));
  if (before.length < 5) return null;
  before.sort((a, b) => a - b);
  const quantile = (q: number): number => before[Math.round(q * (before.length - 1))]!;
  return { low: quantile(0.05), high: quantile(0.95), source: '5–95 % of the transactions shown' };
};

const AmountChart = ({ rows, alert }: { rows: readonly TransactionView[]; alert: Alert }) => {
  const points = rows
    .filter((row) => row.amount !== null)
    .map((row) => ({ id: row.id, ms: Date.parse(row.occurredAt), amount: Number(row.amount) }));
  if (points.length === 0) return null;
  const band = usualBand(rows, alert);
  const before = points.filter((point) => point.id !== alert.transactionId);
  const current = points.filter((point) => point.id === alert.transactionId);
  const amounts = [...points.map((point) => point.amount), ...(band ? [band.low, band.high] : [])];
  const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
  // One amount far above the others would press them into a line.
  const log = least > 0 && most / least > 20;
  const domain: [number, number] = log ? [least / 1.3, most * 1.3] : [Math.min(0, least), most * 1.08];
  return (
    <figure className="amounts">
      <ResponsiveContainer width="100%" height={200}>
        <ScatterChart margin={{ top: 8, right: 16, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <CartesianGrid vertical={false} className="grid" />
          {band && <ReferenceArea y1={band.low} y2={band.high} className="band" ifOverflow="hidden" />}
          <XAxis
            dataKey="ms"
            type="number"
            domain={['dataMin', 'dataMax']}
            padding={{ left: 12, right: 12 }}
            tickFormatter={(ms: number) => (points.at(0)!.ms - points.at(-1)!.ms > 2 * 86_400_000 ? day(ms) : time(ms))}
            tickLine={false}
            minTickGap={48}
          />
          <YAxis
            dataKey="amount"
            type="number"
            scale={log ? 'log' : 'linear'}
            domain={domain}
            {...(log && { ticks: logTicks(domain) })}
            allowDataOverflow
            tickFormatter={compact}
            tickLine={false}
            axisLine={false}
            width={64}
          />
          <Tooltip cursor={false} isAnimationActive={false} content={<PointNote currency={alert.currency ?? ''} />} />
          <Scatter data={before} className="before" isAnimationActive={false} />
          <Scatter data={current} className="current" isAnimationActive={false} shape={Diamond} />
        </ScatterChart>
      </ResponsiveContainer>
      <figcaption className="muted">
        <span className="key current" /> this transaction <span className="key before" /> earlier ones
        {band && (
          <>
            {' '}
            <span className="key band" /> {band.source} ({number(band.low)} – {number(band.high)} {alert.currency})
          </>
        )}
        {log && ' · logarithmic scale'}
      </figcaption>
    </figure>
  );
};

const Diamond = ({ cx = 0, cy = 0 }: { cx?: number | undefined; cy?: number | undefined }) => (
  <path d={`M${cx} ${cy - 8}L${cx + 8} ${cy}L${cx} ${cy + 8}L${cx - 8} ${cy}Z`} />
);

/** 1, 2 and 5 of every decade within the domain, thinned until at most six are left. */
const logTicks = ([low, high]: [number, number]): number[] => {
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, i) => first + i);
  const within = (steps: readonly number[]): number[] =>
    decades.flatMap((decade) => steps.map((step) => step * 10 ** decade)).filter((tick) => tick >= low && tick <= high);
  return (
    [
      [1, 2, 5],
      [1, 3],
    ]
      .map(within)
      .find((ticks) => ticks.length <= 6) ?? within([1])
  );
};

interface PointNoteProps {
  readonly currency: string;
  readonly payload?: readonly { readonly payload?: { readonly ms: number; readonly amount: number } }[];
}

const PointNote = ({ currency, payload }: PointNoteProps) => {
  const point = payload?.[0]?.payload;
  if (!point) return null;
  return (
    <div className="note">
      {point.amount.toFixed(2)} {currency}, {dayAndTime(point.ms)}
    </div>
  );
};

const HistoryTable = ({ rows, current }: { rows: readonly TransactionView[]; current: string }) => {
  const others = rows.flatMap((row) => Object.keys(row.entities)).filter((name, i, all) => all.indexOf(name) === i);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Recent transactions as a table">
      <table className="history">
        <thead>
          <tr>
            <th scope="col">Time, UTC</th>
            <th scope="col" className="right">
              Amount
            </th>
            {others.slice(1).map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col" className="right">
              p-value
            </th>
            <th scope="col">Decision</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 12).map((row) => (
            <tr key={row.id} aria-current={row.id === current ? 'true' : undefined}>
              <td>{dayAndTime(Date.parse(row.occurredAt))}</td>
              <td className="right">{row.amount === null ? '–' : `${row.amount} ${row.currency}`}</td>
              {others.slice(1).map((name) => (
                <td key={name}>{row.entities[name]}</td>
              ))}
              <td className="right">{oneIn(row.fused.minusLog10P)}</td>
              <td>
                <span className={`badge ${row.outcome}`}>{row.outcome}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};
