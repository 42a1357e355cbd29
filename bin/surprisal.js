#!/usr/bin/env node
import { existsSync } from 'node:fs';

const program = new URL('../dist/src/cli.js', import.meta.url);
if (existsSync(program)) {
  const { run } = await import(program.href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  console.error('surprisal: not built yet; "node scripts/bootstrap.mjs" in its folder installs and builds it.');
  process.exitCode = 1;
}
