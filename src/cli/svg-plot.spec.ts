import { escapeMarkup, svgPlot, type Axis } from './svg-plot.js';

const unit: Axis = { label: 'a < b', ticks: [[0, '0'], [1, '"1"']] }; // prettier-ignore

describe('svg plot', () => {
  it('escapes what is written', () => {
    expect(escapeMarkup(`<script>"&'</script>`)).toBe('&#60;script&#62;&#34;&#38;&#39;&#60;/script&#62;');
    const svg = svgPlot({ title: '"><script>', x: unit, y: unit });
    expect(svg).not.toContain('<script');
    expect(svg.replace(/<[^<>]*>/g, '')).toBe('0&#34;1&#34;0&#34;1&#34;a &#60; ba &#60; b');
  });

  it('places points linearly or by their logarithm, and keeps what lies outside at the border', () => {
    const line = { colour: 0, points: [[0, 0], [0.5, 2], [1, 1]] } as const; // prettier-ignore
    const path = (svg: string): string[] =>
      /class="line c0" d="([^"]*)"/
        .exec(svg)![1]!
        .split(/[ML ]/)
        .filter((x) => x !== '');
    const [x0, y0, xHalf, yTop, x1, y1] = path(svgPlot({ title: '', x: unit, y: unit, lines: [line] })).map(Number);
    expect(xHalf).toBeCloseTo((x0! + x1!) / 2, 1);
    expect(yTop).toBe(y1);
    expect(y0).toBeGreaterThan(y1!);
    const log: Axis = { label: '', isLog: true, ticks: [[0.01, ''], [1, '']] }; // prettier-ignore
    const logLine = { colour: 0, points: [[0.01, 0], [0.1, 0], [1, 1]] } as const; // prettier-ignore
    const [a, , b, , c] = path(svgPlot({ title: '', x: log, y: unit, lines: [logLine] })).map(Number);
    expect(b).toBeCloseTo((a! + c!) / 2, 1);
  });
});
