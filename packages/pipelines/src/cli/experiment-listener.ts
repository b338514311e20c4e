import type { ExperimentEvent, Listener } from '../experiment/event.js';
import type { Terminal } from './terminal.js';

/** Renders an experiment's events on a terminal. */
export function experimentListener(terminal: Terminal): Listener {
  return (event: ExperimentEvent) => {
    switch (event.kind) {
      case 'stage':
        if (event.state === 'start') terminal.stageStarted(event.stage);
        else terminal.stageEnded(event.stage, event.seconds, event.state === 'kept');
        return;
      case 'progress':
        terminal.progress(event.stage, event.done, event.total, event.unit, event.note);
        return;
      case 'notice':
        terminal.note(event.text);
        return;
      case 'train':
        if (event.event.kind === 'warning') terminal.note(`${event.event.sae}, step ${event.event.step}: ${event.event.message}`);
    }
  };
}
