import type { Point } from '../training/curves.js';

/** Plots as SVG text: no library, no script, sizes by the viewer, colours by the page's classes. */

const [WIDTH, HEIGHT] = [320, 230];
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 18, 10, 36];
const INNER = { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };

/** For text and attribute values of HTML and SVG. */
export const escapeMarkup = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export interface Axis {
  readonly label: string;
  /** Values and what is written at them; the first and the last are the axis' ends. */
  readonly ticks: readonly (readonly [value: number, text: string])[];
  readonly isLog?: boolean;
}

export interface Line {
  readonly points: readonly Point[];
  /** Colour 0, 1, …; -1: the dashed line of reference. */
  readonly colour: number;
  readonly isStep?: boolean;
}

export interface Bars {
  /** Heights, from the left end of the axis to the right one. */
  readonly heights: readonly number[];
  readonly colour: number;
}

export interface Plot {
  /** Read out instead of the picture. */
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines?: readonly Line[];
  readonly bars?: readonly Bars[];
}

/** Share of the way from the first tick to the last one. */
const placeOn = ({ ticks, isLog }: Axis): ((value: number) => number) => {
  const scaled = (value: number): number => (isLog ? Math.log(value) : value);
  const [from, to] = [scaled(ticks[0]![0]), scaled(ticks.at(-1)![0])];
  return (value) => Math.min(1, Math.max(0, (scaled(value) - from) / (to - from)));
};

const coordinate = (value: number): string => value.toFixed(1);

export const svgPlot = ({ title, x, y, lines = [], bars = [] }: Plot): string => {
  const [placeX, placeY] = [placeOn(x), placeOn(y)];
  const px = (value: number): string => coordinate(LEFT + INNER.width * placeX(value));
  const py = (value: number): string => coordinate(TOP + INNER.height * (1 - placeY(value)));
  const [bottom, right] = [coordinate(HEIGHT - BOTTOM), coordinate(WIDTH - RIGHT)];
  const grid = [
    ...x.ticks.map(([value, text]) => {
      const at = px(value);
      return `<path class="grid" d="M${at} ${TOP}V${bottom}"/><text x="${at}" y="${HEIGHT - 21}" text-anchor="middle">${escapeMarkup(text)}</text>`;
    }),
    ...y.ticks.map(([value, text]) => {
      const at = py(value);
      return `<path class="grid" d="M${LEFT} ${at}H${right}"/><text x="${LEFT - 5}" y="${at}" dy=".35em" text-anchor="end">${escapeMarkup(text)}</text>`;
    }),
  ];
  const middle = coordinate(TOP + INNER.height / 2);
  const names = [
    `<text class="axis" x="${LEFT + INNER.width / 2}" y="${HEIGHT - 5}" text-anchor="middle">${escapeMarkup(x.label)}</text>`,
    `<text class="axis" x="10" y="${middle}" text-anchor="middle" transform="rotate(-90 10 ${middle})">${escapeMarkup(y.label)}</text>`,
  ];
  const drawn = [
    ...bars.map((each) => barsPath(each, py, bottom)),
    ...lines.map(({ points, colour, isStep }) => {
      const path = points.map(
        ([vx, vy], i) => `${i === 0 ? 'M' : isStep ? `V${py(vy)}H` : 'L'}${px(vx)}${isStep && i > 0 ? '' : ` ${py(vy)}`}`,
      );
      return `<path class="line c${colour}" d="${path.join('')}"/>`;
    }),
  ];
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeMarkup(title)}">` +
    `${grid.join('')}${drawn.join('')}${names.join('')}</svg>`
  );
};

const barsPath = ({ heights, colour }: Bars, py: (value: number) => string, bottom: string): string => {
  const step = INNER.width / heights.length;
  const path = heights
    .map((height, i) =>
      height > 0 ? `M${coordinate(LEFT + i * step)} ${bottom}V${py(height)}h${coordinate(step)}V${bottom}Z` : '',
    )
    .join('');
  return `<path class="bars c${colour}" d="${path}"/>`;
};
