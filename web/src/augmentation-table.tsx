import { percent } from './format.js';
import { Figure } from './gate-checks.js';
import type { Augmentation, Gain } from './run-report.js';

/** What extra frauds were tried for channel S and what they were worth, on real rows that did not make them. */
export const AugmentationTable = ({ augmentation }: { augmentation: Augmentation }) => {
  const { kept, tried, failed = [], reasons, later } = augmentation;
  return (
    <section aria-labelledby="augmentation-title">
      <h3 id="augmentation-title">
        Synthetic frauds <small>average precision on held-out real rows, without and with them</small>
      </h3>
      <ul className="reasons-list">
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
        {failed.map(({ generator, reason }) => (
          <li key={generator} className="wrong">
            {generator} failed: {reason}
          </li>
        ))}
        {later && (
          <li>
            On the later slice, which chose nothing: {precision(later.without)} without, {precision(later.with)} with{' '}
            {augmentation.syntheticRows ?? 0} synthetic rows.
          </li>
        )}
      </ul>
      {tried.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Synthetic frauds as a table">
          <table className="augmentation">
            <thead>
              <tr>
                <th scope="col" rowSpan={2}>
                  Generator
                </th>
                <th scope="col" rowSpan={2}>
                  Share
                </th>
                <th scope="colgroup" colSpan={3}>
                  On the choosing entities
                </th>
                <th scope="colgroup" colSpan={3}>
                  On the confirming entities
                </th>
                <th scope="col" rowSpan={2}>
                  Outcome
                </th>
              </tr>
              <tr>
                {['choosing', 'confirming'].flatMap((part) =>
                  ['without', 'with', 'gain'].map((name) => (
                    <th key={part + name} scope="col">
                      {name}
                    </th>
                  )),
                )}
              </tr>
            </thead>
            <tbody>
              {tried.map(({ generator, share, choosing, confirming, quality }) => {
                const isKept = kept?.generator === generator && kept.share === share;
                return (
                  <tr key={`${generator}/${share}`} className={isKept ? 'kept' : undefined}>
                    <th scope="row">
                      {generator}
                      {typeof quality?.rejectedShare === 'number' && (
                        <small>{percent(quality.rejectedShare)} of its rows rejected</small>
                      )}
                    </th>
                    <td>×{share}</td>
                    <GainCells gain={choosing} />
                    <GainCells gain={confirming} />
                    <td>
                      <span className={isKept ? 'badge outcome-pass' : 'badge'}>{isKept ? 'kept' : 'not kept'}</span>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
};

const precision = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

const GainCells = ({ gain }: { gain: Gain }) => (
  <>
    <td>{precision(gain.without)}</td>
    <td>{precision(gain.with)}</td>
    <td>
      <Figure stated={{ value: gain.gain, low: gain.low, high: gain.high }} isSigned />
    </td>
  </>
);
