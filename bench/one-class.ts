/**
 * `evaluate --protocol one-class` of detectors that learn without labels, on the ADBench sets and the ULB credit card sample,
 * three splits each, beside published detectors on the same splits.
 * Run: npm run bench:one-class -- --data DIR [--detector NAME...] [--set NAME...]
 */
import { parseArgs } from 'node:util';
import { estimators } from '../src/models/registry.js';
import { measureOneClass, oneClassFiles, oneClassText } from './one-class-table.js';

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      detector: { type: 'string', multiple: true },
      set: { type: 'string', multiple: true },
    },
  });
  const found = values.data === undefined ? new Map<string, string>() : oneClassFiles(values.data);
  const files = new Map([...found].filter(([name]) => values.set?.includes(name) ?? true));
  const label = Object.values(estimators).filter(({ supervised, name }) => !supervised && name !== 'markov-filter');
  const detectors = label.filter(({ name }) => values.detector?.includes(name) ?? true);
  if (files.size === 0 || detectors.length === 0) {
    process.stderr.write(
      'bench:one-class needs --data DIR, the folder that holds ulb-creditcard-sample.csv.gz and adbench/*.csv.gz; ' +
        `--set one of ${[...found.keys()].join(', ')}; --detector one of ${label.map(({ name }) => name).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const result = await measureOneClass(files, detectors, (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${oneClassText(result)}${JSON.stringify(result)}\n`);
};

await main();
