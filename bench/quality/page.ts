import { readFileSync, writeFileSync } from 'node:fs';

/** A table of docs/quality.md, and its figures for the last line of the bench. */
export interface Section {
  readonly name: string;
  readonly text: string;
  readonly figures: unknown;
}

/** ".954", or "–" where there is none. */
export const figure = (value: number, digits = 3): string =>
  Number.isNaN(value) ? '–' : value.toFixed(digits).replace(/^(-?)0\./, '$1.');

/** Aligned, as the formatter would write it. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = header.map((_, c) => Math.max(3, ...cells.map((row) => row[c]!.length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, c) => cell.padEnd(widths[c]!)).join(' | ')} |`;
  return [line(cells[0]!), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...cells.slice(1).map(line)].join('\n');
};

/** Puts a section between its markers. @throws Error where the page has them not */
export const withSection = (page: string, { name, text }: Section): string => {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no place for ${name}: ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
};

export const writeSections = (path: string, sections: readonly Section[]): void =>
  writeFileSync(path, sections.reduce(withSection, readFileSync(path, 'utf8')));
