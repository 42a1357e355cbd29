// `npm run dev [-- serve options]`: compiles and builds the page on change, and restarts the service with the new program.
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (...parts) => join(root, 'node_modules', ...parts);

const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'bootstrap.mjs')], { stdio: 'inherit' });
if (status !== 0) process.exit(1);

const programs = [
  [bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'],
  [bin('vite', 'bin', 'vite.js'), 'build', 'web', '--watch', '--logLevel', 'warn'],
  ['--watch', '--watch-preserve-output', '--enable-source-maps', join(root, 'dist', 'src', 'main.js'), ...process.argv.slice(2)],
];
// A watcher without its terminal would run on for ever: one that ends takes the others with it.
const children = programs.map((args) => spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }));
const stop = () => children.forEach((child) => child.kill('SIGTERM'));
for (const child of children) child.on('exit', stop);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
