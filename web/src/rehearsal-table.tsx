import { duration } from '../../src/domain/time-words.js';
import type { RehearsedCell } from '../../src/training/rehearsal-figures.js';
import { count } from './format.js';
import type { Rehearsal } from './run-report.js';

interface RehearsalTableProps {
  readonly candidate: Rehearsal;
  readonly champion: Rehearsal | null;
}

type Cells = ReadonlyMap<string, RehearsedCell>;
const keyOf = ({ scenario, strength }: Pick<RehearsedCell, 'scenario' | 'strength'>): string => `${scenario}/${strength}`;
const byKey = (rehearsal: Rehearsal | null): Cells => new Map(rehearsal?.cells.map((cell) => [keyOf(cell), cell]) ?? []);

/** Injected fraud, scenario by strength: how much of it each model finds, and how soon. */
export const RehearsalTable = ({ candidate, champion }: RehearsalTableProps) => {
  const scenarios = [...new Set(candidate.cells.map(({ scenario }) => scenario))];
  const strengths = [...new Set(candidate.cells.map(({ strength }) => strength))].sort((a, b) => a - b);
  const sides: [string, Cells][] = [
    ['candidate', byKey(candidate)],
    ...(champion ? [['champion', byKey(champion)] as [string, Cells]] : []),
  ];
  return (
    <section aria-labelledby="rehearsal-title">
      <h3 id="rehearsal-title">
        Rehearsal{' '}
        <small>
          share of injected attacks with an alert, its interval, and median time to the first alert
          {candidate.attacks !== undefined && `; ${count(candidate.attacks)} attacks`}
        </small>
      </h3>
      {candidate.cells.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Rehearsal as a table">
          <table className="rehearsal">
            <thead>
              <tr>
                <th scope="col">Scenario</th>
                <th scope="col">Model</th>
                {strengths.map((strength) => (
                  <th key={strength} scope="col">
                    strength {strength}
                  </th>
                ))}
              </tr>
            </thead>
            {scenarios.map((scenario) => (
              <tbody key={scenario}>
                {sides.map(([side, cells], i) => (
                  <tr key={side} className={side}>
                    {i === 0 && (
                      <th scope="rowgroup" rowSpan={sides.length}>
                        {scenario}
                      </th>
                    )}
                    <th scope="row">{side}</th>
                    {strengths.map((strength) => (
                      <PowerCell key={strength} cell={cells.get(keyOf({ scenario, strength })) ?? null} />
                    ))}
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        </div>
      )}
      {candidate.notApplicable?.map(({ scenario, reason }) => (
        <p key={scenario} className="muted beneath">
          Not applicable: {scenario} ({reason}).
        </p>
      ))}
    </section>
  );
};

const whole = (share: number): string => String(Math.round(100 * share));

const PowerCell = ({ cell }: { cell: RehearsedCell | null }) => {
  if (cell === null) return <td className="muted">not rehearsed</td>;
  const { share, low, high } = cell.detected;
  return (
    <td>
      <span className="power">
        <b>{whole(share)}&nbsp;%</b>{' '}
        <small>
          {whole(low)} to {whole(high)}
        </small>
      </span>
      <svg className="power-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect className="track" width="100" height="4" />
        <rect className="fill" width={100 * share} height="4" />
      </svg>
      <small>{soon(cell)}</small>
    </td>
  );
};

/** Medians over all attacks, where one without an alert counts as never. */
const soon = ({ medianMinutes, medianTransactions, detected }: RehearsedCell): string => {
  if (medianMinutes === null || medianTransactions === null) return detected.count === 0 ? 'never' : 'half or more never';
  return medianTransactions <= 1 ? 'at once' : `after ${duration(medianMinutes / 1440)}, payment ${medianTransactions}`;
};
