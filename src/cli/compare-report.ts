import { chosenPercent, fixed, likelihoodWords, noiseWords, percent, seconds, size } from './compare-table.js';
import { escapeMarkup, svgPlot, type Axis, type Line } from './svg-plot.js';
import type { ComparedDetector, CompareResult } from '../training/compare-detectors.js';
import { calibrationCurve, precisionRecallCurve, rocCurve, scoreHistogram, type Point } from '../training/curves.js';

/** What the figures are of. */
export interface ReportSource {
  readonly data: string;
  readonly schema: string | null;
  readonly notes: readonly string[];
}

/** More lines in one plot cannot be told apart. */
const OVERLAID_MAX = 5;

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --muted: #5b6577; --line: #d9dee7; --panel: #fff; --ground: #f5f7fa;
  --c0: #2563c9; --c1: #d4552a; --c2: #2a8a57; --c3: #8b4fc0; --c4: #a07b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8f0; --muted: #98a3b5; --line: #333c4b; --panel: #1a202b;
  --ground: #12161e; --c0: #6ea3f5; --c1: #f08a5d; --c2: #5cc98e; --c3: #c294ee; --c4: #d9b84a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1320px; padding: 20px clamp(12px, 3vw, 32px) 48px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 4px; } h2 { font-size: 1.1rem; margin: 32px 0 8px; }
summary { cursor: pointer; overflow-wrap: anywhere; } summary span { color: var(--muted); padding-left: 8px; }
p { margin: 4px 0; max-width: 80ch; } .muted { color: var(--muted); overflow-wrap: anywhere; }
.warning { border-left: 4px solid var(--c1); padding-left: 10px; }
.scroll { overflow-x: auto; margin: 12px 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 6px 10px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--muted); font-weight: 600; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--panel); }
td.best { font-weight: 700; } td.text { text-align: left; white-space: normal; min-width: 24ch; }
.plots { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 270px), 1fr)); }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px; margin: 12px 0; }
figure { margin: 0; max-width: 440px; } figcaption { font-size: 13px; color: var(--muted); }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--muted); font: 10px system-ui, sans-serif; }
svg .axis { font-size: 11px; } svg .grid { stroke: var(--line); fill: none; }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .bars { fill-opacity: .45; stroke-width: .7; }
svg .c-1 { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 4 3; }
${[0, 1, 2, 3, 4].map((c) => `.line.c${c} { stroke: var(--c${c}); } .bars.c${c} { stroke: var(--c${c}); fill: var(--c${c}); } .key.c${c} { background: var(--c${c}); }`).join('\n')}
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; margin: 0 0 8px; padding: 0; font-size: 14px; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
`;

/** One self-contained page: nothing is loaded, nothing runs. */
export const compareReport = (result: CompareResult, source: ReportSource): string => {
  const shown = result.detectors.slice(0, OVERLAID_MAX);
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>Detectors compared</title><style>${STYLE}</style></head><body>`,
    header(result, source),
    figuresTable(result),
    result.leftOut.length === 0 ? '' : leftOutTable(result),
    `<h2>${shown.length === result.detectors.length ? 'Side by side' : `The best ${shown.length} by AUPRC`}</h2>`,
    `<ul class="legend">${shown.map(({ name }, i) => `<li><span class="key c${i}"></span>${escapeMarkup(name)}</li>`).join('')}</ul>`,
    `<div class="card plots">${curvePlots(shown, result)}</div>`,
    '<h2>Each detector</h2>',
    ...result.detectors.map((detector, i) => detectorCard(detector, i < OVERLAID_MAX, result)),
    '</body></html>\n',
  ]
    .join('\n')
    .replaceAll(' %', '\u00a0%');
};

const header = (result: CompareResult, { data, schema, notes }: ReportSource): string => {
  const { protocol, trainRows, trainFrauds, testRows, testFrauds, budget, calibrationNoise, seeds, isCancelled } = result;
  return [
    '<h1>Detectors compared</h1>',
    `<p class="muted">${escapeMarkup(data)}${schema === null ? '' : `, schema ${escapeMarkup(schema)}`}</p>`,
    isCancelled ? '<p class="warning"><strong>Cancelled</strong>: only the detectors that were finished are judged.</p>' : '',
    `<p>Protocol ${protocol}: ${trainRows} training rows with ${trainFrauds} frauds; judged on ${testRows} rows with ${testFrauds} frauds`,
    `(${percent(testFrauds / testRows)}; a random score has that AUPRC). ${seeds > 1 ? `Means of ${seeds} seeds; plots show the first.` : ''}</p>`,
    `<p>Precision and recall: when ${chosenPercent(budget)} of the rows are alerted on. Calibration error: largest distance of achieved from`,
    `stated false-alarm rates up to 10 %; ${noiseWords(calibrationNoise)}.</p>`,
    ...notes.map((note) => `<p class="muted">${escapeMarkup(note)}</p>`),
  ].join('\n');
};

const figuresTable = ({ detectors }: CompareResult): string => {
  const isSupervised = detectors.some(({ mean }) => mean.probabilityError !== null);
  const best = (of: (d: ComparedDetector) => number): number => Math.max(...detectors.map(of));
  const cell = (text: string, isBest = false): string => `<td${isBest ? ' class="best"' : ''}>${escapeMarkup(text)}</td>`;
  const [bestAuroc, bestAuprc] = [best((d) => d.mean.auroc), best((d) => d.mean.auprc)];
  const rows = detectors.map(({ name, mean, likelihood }) =>
    [
      `<tr><th scope="row">${escapeMarkup(name)}</th>`,
      cell(mean.auroc.toFixed(4), mean.auroc === bestAuroc),
      cell(mean.auprc.toFixed(4), mean.auprc === bestAuprc),
      cell(percent(mean.precisionAtBudget)),
      cell(percent(mean.recallAtBudget)),
      cell(fixed(mean.calibrationError, 3)),
      cell(percent(mean.achievedAtOnePercent)),
      isSupervised ? cell(mean.probabilityError?.toFixed(4) ?? '–') : '',
      cell(seconds(mean.fitSeconds)),
      cell(Math.round(mean.scoreRowsPerSecond).toLocaleString('en')),
      cell(size(mean.artifactBytes)),
      cell(likelihoodWords(likelihood)),
      '</tr>',
    ].join(''),
  );
  const names = ['detector', 'AUROC', 'AUPRC', 'precision', 'recall', 'calibration error', 'alerts at 1 %'];
  const more = [...(isSupervised ? ['error of P(fraud)'] : []), 'fit', 'rows/s', 'size', 'likelihood'];
  const head = [...names, ...more].map((name) => `<th scope="col">${name}</th>`).join('');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
};

const leftOutTable = ({ leftOut }: CompareResult): string => {
  const rows = leftOut.map(
    ({ name, reason }) => `<tr><th scope="row">${escapeMarkup(name)}</th><td class="text">${escapeMarkup(reason)}</td></tr>`,
  );
  return `<h2>Left out</h2><div class="scroll"><table><tbody>${rows.join('')}</tbody></table></div>`;
};

const SHARES: Axis['ticks'] = [0, 0.25, 0.5, 0.75, 1].map((value) => [value, String(value)]);
const shareAxis = (label: string): Axis => ({ label, ticks: SHARES });
const UNIT_DIAGONAL: Line = { colour: -1, points: [[0, 0], [1, 1]] }; // prettier-ignore

const figure = (caption: string, svg: string): string =>
  `<figure>${svg}<figcaption>${escapeMarkup(caption)}</figcaption></figure>`;

/** ROC, precision over recall and calibration of one detector or several. */
const curvePlots = (detectors: readonly ComparedDetector[], { labels, testFrauds, testRows }: CompareResult): string => {
  const lines = (of: (detector: ComparedDetector) => readonly Point[], isStep = false): Line[] =>
    detectors.map((detector, colour) => ({ points: of(detector), colour, isStep }));
  const share = testFrauds / testRows;
  return [
    figure(
      'ROC: recall over the share of false alarms',
      svgPlot({
        title: 'ROC curve',
        x: shareAxis('false-alarm rate'),
        y: shareAxis('recall'),
        lines: [UNIT_DIAGONAL, ...lines(({ scores }) => rocCurve(labels, scores))],
      }),
    ),
    figure(
      'Precision over recall; dashed: a random score',
      svgPlot({
        title: 'Precision-recall curve',
        x: shareAxis('recall'),
        y: shareAxis('precision'),
        lines: [
          { colour: -1, points: [[0, share], [1, share]] }, // prettier-ignore
          ...lines(({ scores }) => precisionRecallCurve(labels, scores), true),
        ],
      }),
    ),
    calibrationPlot(detectors),
  ].join('\n');
};

const calibrationPlot = (detectors: readonly ComparedDetector[]): string => {
  const rows = Math.max(10, ...detectors.map(({ pValues }) => pValues.length));
  const decades = Math.min(4, Math.floor(Math.log10(rows)));
  const ticks: Axis['ticks'] = Array.from({ length: decades + 1 }, (_, i) => {
    const value = 10 ** (i - decades);
    return [value, `${Number((100 * value).toPrecision(1))} %`];
  });
  const low = 10 ** -decades;
  return figure(
    'Calibration: alerts on legitimate rows at each stated rate; dashed: as stated',
    svgPlot({
      title: 'Calibration of the p-values',
      x: { label: 'stated rate', ticks, isLog: true },
      y: { label: 'achieved rate', ticks, isLog: true },
      lines: [
        { colour: -1, points: [[low, low], [1, 1]] }, // prettier-ignore
        ...detectors.map(({ pValues }, colour): Line => {
          const points = calibrationCurve(pValues).filter(([nominal, achieved]) => nominal >= low && achieved > 0);
          return { points, colour };
        }),
      ],
    }),
  );
};

const detectorCard = (detector: ComparedDetector, isOpen: boolean, result: CompareResult): string => {
  const { name, mean, likelihood } = detector;
  const figures = `AUROC ${mean.auroc.toFixed(4)}, AUPRC ${mean.auprc.toFixed(4)}; likelihood: ${likelihoodWords(likelihood)}`;
  return [
    `<details class="card"${isOpen ? ' open' : ''}><summary><strong>${escapeMarkup(name)}</strong><span>${escapeMarkup(figures)}</span></summary>`,
    '<div class="plots">',
    histogramPlot(detector, result),
    curvePlots([detector], result),
    '</div></details>',
  ].join('\n');
};

const histogramPlot = ({ scores }: ComparedDetector, { labels }: CompareResult): string => {
  const { legitimate, frauds, borders } = scoreHistogram(labels, scores);
  const bins = legitimate.length;
  const top = Math.max(...legitimate, ...frauds);
  const ticks = [0, 1, 2, 3, 4].map((i): readonly [number, string] => [(i * bins) / 4, short(borders[(i * bins) / 4]!)]);
  return figure(
    'Scores: legitimate (blue) and fraud (orange), share of the class',
    svgPlot({
      title: 'Histogram of the scores',
      x: { label: 'score', ticks },
      y: { label: 'share', ticks: [0, 0.5, 1].map((part) => [part * top, percent(part * top)]) },
      bars: [
        { heights: legitimate, colour: 0 },
        { heights: frauds, colour: 1 },
      ],
    }),
  );
};

/** Three digits at most. */
const short = (value: number): string => {
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e5 || size < 1e-2) ? value.toExponential(0) : String(Number(value.toPrecision(3)));
};
