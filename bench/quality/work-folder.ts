import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/config.js';

/** What figures depend on: built code that computes them, and its configuration. Docs and doors may change meanwhile. */
const CODE = ['domain', 'features', 'models', 'scoring', 'tensor', 'training'];
const CONFIG = ['models.yaml', 'policy.yaml', 'schemas'];

const hashOf = (paths: readonly string[]): string => {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const full = join(path, entry.name);
      if (entry.isDirectory()) add(full);
      else if (/\.(js|wasm|yaml)$/.test(entry.name)) hash.update(entry.name).update(readFileSync(full));
    }
  };
  for (const path of paths) {
    if (path.endsWith('.yaml')) hash.update(readFileSync(path));
    else add(path);
  }
  return hash.digest('hex').slice(0, 16);
};

/** Work in units that an interrupted run finds again. */
export interface WorkFolder {
  /** The unit's result, from an earlier run of the same build and configuration or made now; null where it failed. */
  readonly unit: <T extends object>(name: string, make: () => Promise<T>) => Promise<T | null>;
  readonly failures: readonly string[];
}

/**
 * @param folder holds a folder of JSON files for each state of the code: figures of another build are never mixed in
 * @param now wall clock in milliseconds
 */
export const openWorkFolder = (folder: string, now: () => number): WorkFolder => {
  const sources = [
    ...CODE.map((name) => join(import.meta.dirname, '..', '..', 'src', name)),
    ...CONFIG.map((name) => join(packageRoot, 'config', name)),
  ];
  const place = join(folder, hashOf(sources));
  mkdirSync(place, { recursive: true });
  const failures: string[] = [];
  return {
    failures,
    async unit<T extends object>(name: string, make: () => Promise<T>): Promise<T | null> {
      const path = join(place, `${name.replaceAll(/[^\w.-]+/g, '_')}.json`);
      if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as T;
      const startedMs = now();
      try {
        const result = await make();
        writeFileSync(`${path}.unfinished`, JSON.stringify(result));
        renameSync(`${path}.unfinished`, path);
        process.stderr.write(`${name}: ${((now() - startedMs) / 1000).toFixed(0)} s\n`);
        return result;
      } catch (error) {
        failures.push(`${name}: ${(error as Error).message}`);
        process.stderr.write(`${failures.at(-1)!}\n`);
        return null;
      }
    },
  };
};

/** Makes something dear once, when it is first asked for. */
export const lazily = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
};

/** NaN for no values. */
export const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
