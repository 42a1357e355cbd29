import type { Check, Gate, Stated } from './run-report.js';

const OUTCOMES: Readonly<Record<string, string>> = { 'not-judged': 'not judged' };

/** Every check as one row: what was found of both models, what was asked for, and what came of it. */
export const GateChecks = ({ gate }: { gate: Gate }) => {
  const widest = Math.max(...gate.checks.flatMap(({ difference }) => (difference ? [reach(difference)] : [])), 1e-6);
  return (
    <section aria-labelledby="gate-title">
      <h3 id="gate-title">
        The gate{' '}
        <small>{gate.champion == null ? 'no champion to be held against' : `held against champion ${gate.champion}`}</small>
      </h3>
      <div className="scroll" tabIndex={0} role="region" aria-label="Checks of the gate as a table">
        <table className="checks">
          <thead>
            <tr>
              <th scope="col">Check</th>
              <th scope="col">Candidate</th>
              <th scope="col">Champion</th>
              <th scope="col">Difference</th>
              <th scope="col">Limit</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {gate.checks.map((check) => (
              <CheckRow key={check.name} check={check} widest={widest} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
};

const CheckRow = ({ check, widest }: { check: Check; widest: number }) => {
  const { found, asked } = parts(check);
  const hasFigures = check.candidate !== null;
  // A share of alerts is a few in a hundred.
  const digits = Math.max(check.candidate?.high ?? 0, check.champion?.high ?? 0) < 0.1 ? 4 : 3;
  return (
    <tr className={`outcome-${check.outcome}`}>
      <th scope="row">
        {check.name}
        {hasFigures && found !== '' && <small>{found}</small>}
      </th>
      {hasFigures ? (
        <>
          <td data-name="candidate">{check.candidate && <Figure stated={check.candidate} digits={digits} />}</td>
          <td data-name="champion">{check.champion ? <Figure stated={check.champion} digits={digits} /> : <Nothing />}</td>
          <td data-name="difference">
            {check.difference ? (
              <>
                <Figure stated={check.difference} isSigned />
                <Whisker stated={check.difference} widest={widest} />
              </>
            ) : (
              <Nothing />
            )}
          </td>
        </>
      ) : (
        <td colSpan={3} className="found">
          {found}
        </td>
      )}
      <td className="asked">{asked}</td>
      <td>
        <span className={`badge outcome-${check.outcome}`}>{OUTCOMES[check.outcome] ?? check.outcome}</span>
      </td>
    </tr>
  );
};

const Nothing = () => <span className="muted none">–</span>;

/** As the gate's sentence tells a figure. */
const told = ({ value, low, high }: Stated, isSigned: boolean): string => {
  const text = (x: number | null): string => `${isSigned && x !== null && x > 0 ? '+' : ''}${x?.toFixed(3)}`;
  return `${text(value)} (${text(low)} to ${text(high)})`;
};

/** A check's sentence is "name: what was found; what was asked for". What the columns say already is not said again. */
const parts = ({ name, sentence, candidate, champion, difference }: Check): { found: string; asked: string } => {
  const said = sentence.startsWith(`${name}: `) ? sentence.slice(name.length + 2) : sentence;
  const cut = said.lastIndexOf('; ');
  const inColumns = [
    difference && `, difference ${told(difference, true)}`,
    difference && told(difference, true),
    champion && `, the champion's ${told(champion, false)}`,
    candidate && told(candidate, false),
  ];
  const found = inColumns.reduce<string>((text, shown) => text.replace(shown ?? '', ''), cut < 0 ? said : said.slice(0, cut));
  return { found: found.replace(/^[,\s]+|\s+(?=\s|,|$)/g, ''), asked: cut < 0 ? '' : said.slice(cut + 2) };
};

const shown = (value: number | null, digits: number, isSigned: boolean): string => {
  if (value === null) return '–';
  const text = value.toFixed(digits).replace(/^-(0\.0+)$/, '$1');
  return isSigned && Number(text) > 0 ? `+${text}` : text;
};

interface FigureProps {
  readonly stated: Stated;
  readonly digits?: number;
  readonly isSigned?: boolean;
}

/** A figure with its interval. */
export const Figure = ({ stated: { value, low, high }, digits = 3, isSigned = false }: FigureProps) => (
  <span className="figure">
    <b>{shown(value, digits, isSigned)}</b>{' '}
    <small>
      {shown(low, digits, isSigned)} to {shown(high, digits, isSigned)}
    </small>
  </span>
);

const reach = ({ low, high }: Stated): number => Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0));

/** The interval of a difference on a scale that all rows share: right of the middle the candidate has more. */
const Whisker = ({ stated: { value, low, high }, widest }: { stated: Stated; widest: number }) => {
  if (value === null || low === null || high === null) return null;
  const at = (x: number): number => 50 + (48 * x) / widest;
  return (
    <svg className="strip" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect className="axis" x="0" y="3.5" width="100" height="1" />
      <rect className="interval" x={at(low)} y="1.5" width={Math.max(at(high) - at(low), 0.8)} height="5" />
      <rect className="median" x="49.7" y="0" width="0.6" height="8" />
      <rect className="point" x={at(value) - 0.8} y="1" width="1.6" height="6" />
    </svg>
  );
};
