import { random, SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';

export const RATING_CLASSES = ['clinical', 'generic', 'uninterpretable'] as const;
export type RatingClass = (typeof RATING_CLASSES)[number];

/** One line of a session's log. The log is the session: everything else follows from it. */
export type RatingEvent =
  | { readonly kind: 'answer'; readonly rater: string; readonly item: string; readonly fits: number; readonly verdict: RatingClass; readonly at: string }
  | { readonly kind: 'undo'; readonly rater: string; readonly at: string };

export interface RatingAnswer {
  readonly rater: string;
  readonly item: string;
  /** In how many of the contexts the label fits. */
  readonly fits: number;
  readonly verdict: RatingClass;
  readonly at: string;
}

export interface RatingSession {
  readonly seed: number;
  /** Ids of the items. */
  readonly items: readonly string[];
  /** Contexts per item. */
  readonly contexts: number;
  readonly events: readonly RatingEvent[];
}

export const ratingEventSchema: z.ZodType<RatingEvent> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('answer'),
    rater: z.string().min(1).max(80),
    item: z.string().min(1).max(80),
    fits: z.int().min(0),
    verdict: z.enum(RATING_CLASSES),
    at: z.iso.datetime(),
  }),
  z.strictObject({ kind: z.literal('undo'), rater: z.string().min(1).max(80), at: z.iso.datetime() }),
]);

/** The session with one more event. Throws `usage` for an unknown item, one rated already, a bad count or nothing to undo. */
export function withEvent(session: RatingSession, event: RatingEvent): RatingSession {
  const own = answersOf(session, event.rater);
  const fail = (what: string, expected: string, got: string): never => {
    throw new SalmonError('usage', { what, where: `rater ${event.rater}`, expected, got });
  };
  if (event.kind === 'undo') {
    if (own.length === 0) fail('There is no answer to undo', 'an earlier answer', 'none');
  } else {
    if (!session.items.includes(event.item)) fail('An answer to an item that is not in the session', 'an item of the session', event.item);
    if (own.some((answer) => answer.item === event.item)) fail('The item has been rated already', 'an open item', event.item);
    if (!Number.isInteger(event.fits) || event.fits < 0 || event.fits > session.contexts) fail('A count of fitting contexts out of range', `0 .. ${session.contexts}`, String(event.fits));
  }
  return { ...session, events: [...session.events, event] };
}

/** Answers of one rater that stand, in the order given. */
export function answersOf(session: Pick<RatingSession, 'events'>, rater: string): readonly RatingAnswer[] {
  const out: RatingAnswer[] = [];
  for (const event of session.events) {
    if (event.rater !== rater) continue;
    if (event.kind === 'undo') out.pop();
    else out.push({ rater, item: event.item, fits: event.fits, verdict: event.verdict, at: event.at });
  }
  return out;
}

/** Answers of all raters that stand, rater by rater. */
export function allAnswers(session: Pick<RatingSession, 'events'>): readonly RatingAnswer[] {
  return [...new Set(session.events.map(({ rater }) => rater))].flatMap((rater) => answersOf(session, rater));
}

export interface RatingProgress {
  readonly done: number;
  readonly total: number;
  /** Undefined when all are rated. */
  readonly next: string | undefined;
  readonly canUndo: boolean;
}

/** Where a rater stands. Every rater has an order of his own, so that tiredness does not hit the same items. */
export function progressOf(session: RatingSession, rater: string): RatingProgress {
  const answered = new Set(answersOf(session, rater).map(({ item }) => item));
  const order = random(session.seed, 'rater-order', rater).shuffle([...session.items]);
  return { done: answered.size, total: order.length, next: order.find((item) => !answered.has(item)), canUndo: answered.size > 0 };
}
