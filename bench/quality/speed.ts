import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/config.js';
import { openDataFile } from '../../src/cli/data-file.js';
import { readTable } from '../../src/cli/data-table.js';
import { estimators } from '../../src/models/registry.js';
import { evaluateDetectors, type Protocol } from '../../src/training/evaluate-detectors.js';
import { figure, markdownTable, type Section } from './page.js';
import { chosen, type QualityContext } from './tables.js';

const FILE = 'ulb-creditcard-sample.csv.gz';
const PROTOCOLS = [['one-class', 'split0'], ['supervised', null]] as const; // prettier-ignore

interface Timed {
  readonly name: string;
  readonly auroc: number;
  readonly auprc: number;
  readonly fitSeconds: number;
  readonly scoreRowsPerSecond: number;
}

const PYTHON_MINUTES_MAX = 60;

/** Python's detectors on the same rows, one after the other in one thread; those without their package say so. */
const pythonRows = async (context: QualityContext, protocol: Protocol, split: string | null) => {
  const script = join(packageRoot, 'bench', 'peers', 'quality_peer.py');
  const given = [script, join(context.data, FILE), protocol, ...(split === null ? [] : [split])];
  const { stdout } = await promisify(execFile)(context.python, given, { timeout: PYTHON_MINUTES_MAX * 60_000 });
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Timed | { readonly name: string; readonly reason: string });
  for (const row of rows) if ('reason' in row) process.stderr.write(`${row.name}: ${row.reason}\n`);
  return rows.filter((row): row is Timed => !('reason' in row));
};

/** Timed in this run, whatever is kept from earlier ones. */
const ourRows = async (context: QualityContext, protocol: Protocol, split: string | null): Promise<readonly Timed[]> => {
  const request = { label: 'label', split, schema: null };
  const table = await readTable(await openDataFile(join(context.data, FILE)), null, request, () => undefined);
  const rows: Timed[] = [];
  for (const name of chosen(context, protocol)) {
    const { features, labels, split: parts } = table;
    const detectors = [estimators[name]!];
    const input = { protocol, features, labels, split: parts, detectors, seeds: 1, parameters: context.config.models };
    const { detectors: judged } = await evaluateDetectors(input, { backend: context.backend, now: () => performance.now() });
    rows.push({ name, ...judged[0]!.mean });
    process.stderr.write(`${protocol} ${name}: ${judged[0]!.mean.fitSeconds.toFixed(1)} s\n`);
  }
  return rows;
};

/** Training time and scoring speed beside Python's detectors, on the ULB sample, in one run. */
export const speedSection = async (context: QualityContext): Promise<Section> => {
  const tables: string[] = [];
  const figures: Record<string, readonly Timed[]> = {};
  for (const [protocol, split] of PROTOCOLS) {
    const peers = (await pythonRows(context, protocol, split)).map((row) => ({ ...row, name: `peer: ${row.name}` }));
    const rows = [...(await ourRows(context, protocol, split)), ...peers].sort((a, b) => a.fitSeconds - b.fitSeconds);
    figures[protocol] = rows;
    const cells = rows.map((row) => [
      row.name,
      row.fitSeconds.toFixed(2),
      Math.round(row.scoreRowsPerSecond).toString(),
      figure(row.auroc),
      figure(row.auprc),
    ]);
    tables.push(`${protocol}:`, markdownTable(['detector', 'fit s', 'rows/s', 'AUROC', 'AUPRC'], cells));
  }
  const intro = `${context.command}; ULB sample, seed 0, ours and Python's one after the other on the same machine, Python in one thread.`;
  return { name: 'speed', text: [intro, ...tables].join('\n\n'), figures };
};
