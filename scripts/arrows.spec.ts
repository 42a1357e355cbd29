import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** A house in small, with the project's own rules: one file a folder, and only arrows that are allowed. */
const HOUSE = {
  'src/domain/random.ts': 'export const random = 1;',
  'src/tensor/backend.ts': 'export const backend = 1;',
  'src/models/detector.ts': `import { backend } from '../tensor/backend.js'; import { random } from '../domain/random.js'; export const detector = backend + random;`,
  'src/features/catalog.ts': `import { random } from '../domain/random.js'; export const catalog = random;`,
  'src/synthetic/world.ts': `import { random } from '../domain/random.js'; import type { detector } from '../models/detector.js'; export const world: typeof detector = random;`,
  'src/scoring/ports.ts': `import { detector } from '../models/detector.js'; export const ports = detector;`,
  'src/training/ports.ts': `import { ports } from '../scoring/ports.js'; export const trainingPorts = ports;`,
  'src/store/tables.ts': `import { ports } from '../scoring/ports.js'; export const tables = ports;`,
  'src/stream/topics.ts': `import { ports } from '../scoring/ports.js'; export const topics = ports;`,
  'src/api/server.ts': `import { tables } from '../store/tables.js'; export const server = tables;`,
  'src/config.ts': `import { server } from './api/server.js'; export const config = server;`,
  'src/cli/fit.ts': `import { config } from '../config.js'; export const fit = config;`,
  'src/cli.ts': `import { fit } from './cli/fit.js'; export const cli = fit;`,
};

const WRONG = {
  'domain-imports-nobody': ['src/domain/planted.ts', '../features/catalog.js'],
  'domain-imports-only-zod': ['src/domain/planted-package.ts', 'pg'],
  'tensor-imports-nobody': ['src/tensor/planted.ts', '../domain/random.js'],
  'tensor-is-imported-by-models-alone': ['src/scoring/planted.ts', '../tensor/backend.js'],
  'features-import-domain': ['src/features/planted.ts', '../models/detector.js'],
  'models-import-domain-and-tensor': ['src/models/planted.ts', '../features/catalog.js'],
  'synthetic-imports-domain': ['src/synthetic/planted.ts', '../models/detector.js'],
  'scoring-imports-pure-things': ['src/scoring/planted-training.ts', '../training/ports.js'],
  'training-imports-pure-things-and-scoring': ['src/training/planted.ts', '../store/tables.js'],
  'lines-know-no-doors': ['src/scoring/planted-door.ts', '@nestjs/common'],
  'store-imports-ports': ['src/store/planted.ts', '../stream/topics.js'],
  'stream-imports-ports-and-entries': ['src/stream/planted.ts', '../store/tables.js'],
  'api-imports-store-ports-and-entries': ['src/api/planted.ts', '../stream/topics.js'],
  'nobody-imports-the-root': ['src/api/planted-root.ts', '../cli.js'],
} as const;

const project = resolve('.');
const house = mkdtempSync(join(tmpdir(), 'surprisal-arrows-'));
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(house, path)), { recursive: true });
  writeFileSync(join(house, path), `${text}\n`);
};
const cruise = (): { readonly status: number | null; readonly found: readonly string[] } => {
  const program = join(project, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const { status, stdout } = spawnSync(process.execPath, [program, 'src', 'migrations'], { cwd: house, encoding: 'utf8' });
  return { status, found: [...stdout.matchAll(/^ *error (\S+: \S+)/gm)].map((match) => match[1]!) };
};

beforeAll(() => {
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) cpSync(join(project, file), join(house, file));
  symlinkSync(join(project, 'node_modules'), join(house, 'node_modules'), 'dir');
  for (const [path, text] of Object.entries(HOUSE)) write(path, text);
  mkdirSync(join(house, 'migrations'));
});
afterAll(() => rmSync(house, { recursive: true, force: true }));

describe('the arrows between folders', () => {
  it('let the allowed imports pass', () => {
    expect(cruise()).toEqual({ status: 0, found: [] });
  });

  it('turn red for a wrong import of every kind, and for a cycle', () => {
    for (const [path, target] of Object.values(WRONG))
      write(path, `import * as planted from '${target}'; export const used = planted;`);
    write('src/domain/one.ts', `import { two } from './two.js'; export const one = (): unknown => two;`);
    write('src/domain/two.ts', `import { one } from './one.js'; export const two = (): unknown => one;`);
    const { status, found } = cruise();
    expect(status).not.toBe(0);
    const expected = Object.entries(WRONG).map(([rule, [path]]) => `${rule}: ${path}`);
    expect(found).toEqual(expect.arrayContaining([...expected, 'no-cycles: src/domain/one.ts']));
  });
});
