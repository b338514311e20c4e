/** What stands before a window when a base model is asked how likely the window is. */
export const SURPRISAL_PROMPT = {
  version: 'surprisal-1',
  told: (explanation: string): string => ` The passage below was chosen for one reason: ${explanation} Passage:`,
  untold: ' The passage below was chosen for no reason. Passage:',
} as const;
