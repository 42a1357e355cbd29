// Compiles AssemblyScript into the committed WebAssembly of the tensors' and the trees' kernels.
// With --check: compares instead of writing, and exits with 1 when a committed file is not what its source gives.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const FOLDERS = ['src/tensor', 'src/models/baselines'];

/** Answers the text of `kernels.wasm.ts`. */
const compile = async (folder) => {
  let binary;
  const { error, stderr } = await asc.main(
    [
      ...[`${folder}/kernels/index.ts`, '--baseDir', root, '--outFile', 'kernels.wasm'],
      ...['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert'],
      ...['--initialMemory', '1'],
    ],
    { writeFile: (name, contents) => void (name === 'kernels.wasm' && (binary = contents)) },
  );
  if (error) throw new Error(stderr.toString());
  const base64 = Buffer.from(binary).toString('base64');
  const lines = base64.match(/.{1,120}/g).map((line) => `  '${line}',`);
  return `// Made by scripts/build-kernels.mjs from ${folder}/kernels: ${binary.length} bytes of WebAssembly.
export const KERNELS_BASE64 = [
${lines.join('\n')}
].join('');
`;
};

for (const folder of FOLDERS) {
  const target = join(root, folder, 'kernels.wasm.ts');
  const text = await compile(folder);
  if (!process.argv.includes('--check')) {
    await writeFile(target, text);
    console.log(`${folder}/kernels.wasm.ts: ${text.length} characters`);
  } else if ((await readFile(target, 'utf8').catch(() => '')) !== text) {
    console.error(`${folder}/kernels.wasm.ts is not what ${folder}/kernels gives: run node scripts/build-kernels.mjs`);
    process.exitCode = 1;
  }
}
