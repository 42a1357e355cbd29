/**
 * The quality tables of docs/quality.md: streams, unseen fraud types, supervised and one-class tables, each detector and the peers.
 * Run: npm run bench:quality -- --data DIR [--only PART,…] [--work DIR] [--detector NAME,…]
 *   [--python PROGRAM] [--no-page]; parts: supervised, one-class, streams, unseen, speed
 * Hours for all of it; what is finished is kept in --work, and the next run of the same build goes on from there.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { estimatorNamed } from '../../src/cli/chosen-detectors.js';
import { loadConfig, packageRoot } from '../../src/config.js';
import { createTensorBackend } from '../../src/tensor-backend.js';
import { writeSections, type Section } from './page.js';
import { speedSection } from './speed.js';
import { streamsSections, unseenSection } from './streams.js';
import { oneClassSection, supervisedSection, type QualityContext } from './tables.js';
import { openWorkFolder } from './work-folder.js';

const PARTS: Readonly<Record<string, (context: QualityContext) => Promise<readonly Section[]>>> = {
  supervised: async (context) => [await supervisedSection(context)],
  'one-class': async (context) => [await oneClassSection(context)],
  streams: streamsSections,
  unseen: async (context) => [await unseenSection(context)],
  speed: async (context) => [await speedSection(context)],
};

const wrongUse = (sentence: string): void => {
  process.stderr.write(`bench:quality: ${sentence}\n`);
  process.exitCode = 2;
};

const main = async (): Promise<void> => {
  const text = { type: 'string' } as const;
  const options = { data: text, only: text, work: text, detector: text, python: text, 'no-page': { type: 'boolean' } } as const;
  const { values } = parseArgs({ options });
  const only = values.only?.split(',') ?? Object.keys(PARTS);
  const unknown = only.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) return wrongUse(`--only ${unknown}: there are ${Object.keys(PARTS).join(', ')}`);
  if (values.data === undefined || !existsSync(values.data))
    return wrongUse(`it needs --data DIR, the folder of the data sets: ${values.data ?? 'it was not given'}`);
  const detectors = values.detector?.split(',').map((name) => estimatorNamed(name).name) ?? null;
  const config = loadConfig();
  const work = openWorkFolder(values.work ?? join(homedir(), '.cache', 'surprisal-quality'), () => performance.now());
  const backend = await createTensorBackend(config.tensorBackend, (line) => void process.stderr.write(`${line}\n`));
  const python = values.python ?? 'python3';
  const sections: Section[] = [];
  const broken: string[] = [];
  for (const name of only) {
    process.stderr.write(`--- ${name}\n`);
    const command = `\`npm run bench:quality -- --data DATA --only ${name}\``;
    const made = await PARTS[name]!({ data: values.data, work, config, backend, detectors, command, python }).catch(
      (error: unknown): readonly Section[] => {
        broken.push(`${name}: ${(error as Error).message}`);
        return [];
      },
    );
    for (const section of made) process.stdout.write(`\n## ${section.name}\n\n${section.text}\n`);
    // A table of some detectors is for the eye alone.
    if (values['no-page'] !== true && detectors === null) writeSections(join(packageRoot, 'docs', 'quality.md'), made);
    sections.push(...made);
  }
  const failures = [...work.failures, ...broken];
  if (failures.length > 0) process.stdout.write(`\nfailed, and missing above:\n${failures.join('\n')}\n`);
  const figures = Object.fromEntries(sections.map((section) => [section.name, section.figures]));
  process.stdout.write(`${JSON.stringify({ ...figures, failures })}\n`);
};

await main();
