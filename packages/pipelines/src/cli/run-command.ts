import { Command, CommanderError } from 'commander';
import { COMMANDS } from './commands/index.js';
import { reportFailure } from './failure.js';

/** Runs one command line of `salmon`; the exit code goes to `process.exitCode`: 0 ok, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  const program = new Command('salmon')
    .description('Domain-specific sparse autoencoders for language models: train, compare, evaluate, interpret.')
    .showHelpAfterError('(add --help for the options and an example)')
    .showSuggestionAfterError()
    .exitOverride();
  // Only the command that is asked for is loaded; help of the program itself needs them all.
  const named = argv.find((word) => !word.startsWith('-')) ?? '';
  const wanted = COMMANDS[named] === undefined ? Object.values(COMMANDS) : [COMMANDS[named]];
  for (const load of wanted) (await load())(program);
  for (const command of program.commands) {
    command.exitOverride().option('--debug', 'show the stack of an error');
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    process.exitCode = reportFailure(error, argv.includes('--debug'));
  }
}
