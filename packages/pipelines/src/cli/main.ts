#!/usr/bin/env node
import { runCommand } from './run-command.js';

await runCommand(process.argv.slice(2));
// Native engines keep threads alive; everything is written by now.
process.exit();
