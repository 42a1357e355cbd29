import { Command, CommanderError } from 'commander';

/** Every command one line here, one function elsewhere; a command's code is loaded when it runs. */
const COMMANDS: readonly {
  readonly load: () => Promise<{ register: (program: Command) => void }>;
  readonly names: readonly string[];
}[] = [
  { names: ['serve', 'migrate', 'openapi'], load: () => import('./cli/serve.js') },
  { names: ['models'], load: () => import('./cli/models.js') },
  { names: ['retrain', 'runs'], load: () => import('./cli/retrain.js') },
  { names: ['drift'], load: () => import('./cli/drift.js') },
  { names: ['schema'], load: () => import('./cli/schema.js') },
  { names: ['fit'], load: () => import('./cli/fit.js') },
  { names: ['score'], load: () => import('./cli/score.js') },
  { names: ['evaluate'], load: () => import('./cli/evaluate.js') },
  { names: ['compare'], load: () => import('./cli/compare.js') },
  { names: ['sample'], load: () => import('./cli/sample.js') },
  { names: ['interpolate'], load: () => import('./cli/interpolate.js') },
  { names: ['diagnose'], load: () => import('./cli/diagnose.js') },
  { names: ['backtest'], load: () => import('./cli/backtest.js') },
  { names: ['demo-data'], load: () => import('./cli/demo-data.js') },
  { names: ['replay'], load: () => import('./cli/replay.js') },
  { names: ['dead-letters'], load: () => import('./cli/dead-letters.js') },
];

/** Errors of the caller's making: exit code 2. */
const USAGE_ERRORS = new Set(['UsageError', 'ConfigError', 'InputError', 'HomeFolderError']);

const program = async (argv: readonly string[]): Promise<Command> => {
  const command = new Command('surprisal')
    .description('Real-time fraud and anomaly detection built on generative likelihoods')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text) })
    .showHelpAfterError('(--help shows what is possible)');
  const wanted = COMMANDS.filter((entry) => entry.names.includes(argv[0] ?? ''));
  for (const entry of wanted.length > 0 ? wanted : COMMANDS) (await entry.load()).register(command);
  // Subcommands inherit these only when set on each of them.
  for (const sub of command.commands) sub.exitOverride().showHelpAfterError('(--help shows what is possible)');
  return command;
};

/** Runs one command. Exit codes: 0 done, 1 failed, 2 wrong use. */
export const run = async (argv: readonly string[]): Promise<number> => {
  // Whoever reads (`| head`) may have enough: a command hears of it where it writes, a service goes on without a reader.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  try {
    await (await program(argv)).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failure = error instanceof Error ? error : new Error(String(error));
    if (failure.name === 'OutputClosedError') return 0;
    process.stderr.write(`surprisal: ${failure.message}\n`);
    return USAGE_ERRORS.has(failure.name) ? 2 : 1;
  }
};
