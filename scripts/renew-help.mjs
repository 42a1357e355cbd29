// Renews the help texts of docs/command-line.md from the built program: node scripts/renew-help.mjs [path of cli.js]
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs', 'command-line.md');
const program = pathToFileURL(resolve(process.argv[2] ?? join(root, 'dist', 'src', 'cli.js')));
const main = `import { run } from ${JSON.stringify(program.href)}; process.exitCode = await run(process.argv.slice(1));`;

const help = (command) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', main, '--', ...command.split(' '), '--help'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${command} --help: ${stderr}`);
  return stdout;
};

const text = readFileSync(page, 'utf8');
const renewed = text.replace(/(?<=\n```text\n)Usage: surprisal ((?:[a-z-]+ )+?)\[.*?(?=```\n)/gs, (_, command) =>
  help(command.trim()),
);
writeFileSync(page, renewed);
console.log(renewed === text ? 'the help texts are up to date' : 'docs/command-line.md is renewed');
