import type { OperatorFunction } from 'rxjs';
import { defer, map, reduce } from 'rxjs';

/** A streaming measurement: feed it items in any order and any batch size, then read the result once or many times. */
export interface Accumulator<Input, Value> {
  add(input: Input): void;
  value(): Value;
}

/** An accumulator as an operator: one value when the source completes; each subscription starts afresh. */
export function accumulate<Input, Value>(create: () => Accumulator<Input, Value>): OperatorFunction<Input, Value> {
  return (source) =>
    defer(() =>
      source.pipe(
        reduce((accumulator, item) => {
          accumulator.add(item);
          return accumulator;
        }, create()),
        map((accumulator) => accumulator.value()),
      ),
    );
}
