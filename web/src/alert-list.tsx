import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import type { AlertPattern, AlertView } from '../../src/store/query-types.js';
import type { AlertsOfKind, KindActions } from './alerts-of-kind.js';
import { CHANNEL_NAMES, dayAndTime, oneIn } from './format.js';
import type { Feed } from './live-feed.js';
import { NewTypes } from './new-types.js';

interface AlertListProps {
  readonly feed: Feed;
  readonly newTypes: readonly AlertPattern[];
  readonly kind: AlertsOfKind & KindActions;
  /** Null: no longer only one kind. */
  readonly onKind: (pattern: string | null) => void;
  readonly chosen: string | null;
  readonly onChoose: (id: string) => void;
}

/** Newest first. It stands still while the pointer is on it or it is paused: what one aims at must not move away. */
export const AlertList = ({ feed, newTypes, kind, onKind, chosen, onChoose }: AlertListProps) => {
  const [paused, setPaused] = useState(false);
  const [hovered, setHovered] = useState(false);
  const [held, setHeld] = useState<{ readonly of: string; readonly alerts: readonly AlertView[] } | null>(null);
  const alerts = kind.pattern === null ? feed.alerts : kind.alerts;
  // Another kind, or a further page of it, is another list: what was asked for is shown also while it stands still.
  const of = kind.pattern === null ? 'all' : `${kind.pages} ${kind.pattern}`;
  const still = (paused || hovered) && feed.loaded;
  if (still && held?.of !== of) setHeld({ of, alerts });
  if (!still && held !== null) setHeld(null);

  const byId = new Map(alerts.map((view) => [view.alert.id, view]));
  const shown = (still ? (held?.alerts ?? alerts) : alerts).map((view) => byId.get(view.alert.id) ?? view);
  const first = shown[0]?.alert.id;
  const waiting =
    first === undefined
      ? alerts.length
      : Math.max(
          0,
          alerts.findIndex((view) => view.alert.id === first),
        );

  return (
    <section className="alerts" aria-label="Alerts">
      <div className="bar">
        <h2>Alerts</h2>
        <p className="muted" aria-live="polite">
          {waiting > 0 ? `${waiting} new waiting` : still ? 'paused' : ''}
        </p>
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Resume' : 'Pause'}
        </button>
      </div>
      <NewTypes patterns={newTypes} chosen={kind.pattern} onChoose={onKind} />
      <Options shown={shown} feed={feed} kind={kind} chosen={chosen} onChoose={onChoose} onHover={setHovered} />
      {kind.hasMore && <OlderOfKind kind={kind} />}
    </section>
  );
};

const OlderOfKind = ({ kind }: { kind: AlertsOfKind & KindActions }) => (
  <p className="older" role="status">
    {kind.state === 'failed' && 'The alerts of this kind cannot be loaded. '}
    <button type="button" disabled={kind.state === 'loading'} onClick={kind.more}>
      {kind.state === 'failed' ? 'Try again' : kind.state === 'loading' ? 'Loading…' : 'Show older'}
    </button>
  </p>
);

type OptionsProps = Omit<AlertListProps, 'newTypes' | 'onKind'> & {
  readonly shown: readonly AlertView[];
  readonly onHover: (hovered: boolean) => void;
};

const Options = ({ shown, feed, kind, chosen, onChoose, onHover }: OptionsProps) => {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const at = shown.findIndex((view) => view.alert.id === chosen);
    const to = {
      ArrowDown: at + 1,
      ArrowUp: Math.max(at - 1, 0),
      Home: 0,
      End: shown.length - 1,
      PageDown: at + 8,
      PageUp: at - 8,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const view = shown[Math.min(Math.max(to, 0), shown.length - 1)];
    if (view) onChoose(view.alert.id);
  };

  if (shown.length === 0)
    return (
      <p className="empty muted" role="status">
        {kind.state !== 'loaded'
          ? kind.state === 'loading' && 'Loading alerts…'
          : feed.loaded
            ? 'No alerts yet. They appear here the moment one is raised.'
            : feed.connection === 'lost'
              ? 'The service cannot be reached.'
              : 'Loading alerts…'}
      </p>
    );
  return (
    <ul
      ref={list}
      role="listbox"
      aria-label="Alerts, newest first"
      tabIndex={0}
      aria-activedescendant={chosen !== null && shown.some((view) => view.alert.id === chosen) ? `alert-${chosen}` : undefined}
      onKeyDown={onKeyDown}
      onPointerEnter={(event) => onHover(event.pointerType === 'mouse')}
      onPointerLeave={() => onHover(false)}
    >
      {shown.map((view) => (
        <Option key={view.alert.id} view={view} selected={view.alert.id === chosen} onChoose={onChoose} />
      ))}
    </ul>
  );
};

const Option = ({
  view: { alert, label },
  selected,
  onChoose,
}: {
  view: AlertView;
  selected: boolean;
  onChoose: (id: string) => void;
}) => (
  <li
    id={`alert-${alert.id}`}
    role="option"
    aria-selected={selected}
    className={alert.outcome}
    onClick={() => onChoose(alert.id)}
  >
    <span className="what">
      <strong>{alert.amount === null ? alert.transactionId : `${alert.amount} ${alert.currency}`}</strong>
      <span className={`badge ${alert.outcome}`}>{alert.outcome}</span>
      {alert.novelty?.isNew && <span className="badge new-type">new type</span>}
      {label !== null && <span className={`badge label-${label}`}>{label}</span>}
    </span>
    <time dateTime={alert.occurredAt}>{dayAndTime(Date.parse(alert.occurredAt))}</time>
    <span className="who">{Object.values(alert.entities).join(' → ')}</span>
    <span className="rarity">
      {CHANNEL_NAMES[alert.lane].name} {oneIn(alert.channels[alert.lane].minusLog10P)}
    </span>
    <span className="why">{alert.reasons[0]?.text}</span>
  </li>
);
