import { run } from './cli.js';

/** `npm start -- …` is `surprisal serve …`. */
process.exitCode = await run(['serve', ...process.argv.slice(2)]);
