import { SalmonError } from '@salmon-sae/dataflow';

/** A tensor as a pickle describes it; its numbers lie in a storage of their own. */
export interface PickledTensor {
  readonly tensor: true;
  readonly storage: StorageRef;
  /** In elements. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export interface StorageRef {
  readonly storage: true;
  /** Name of the storage's type, e.g. FloatStorage. */
  readonly type: string;
  readonly key: string;
  readonly elements: number;
}

export type Pickled = PickledTensor | StorageRef | Callable | PickledDict | readonly Pickled[] | string | number | boolean | null | bigint;
export type PickledDict = Map<string, Pickled>;

interface Callable {
  readonly callable: string;
}

const STORAGES = ['Float', 'Double', 'Half', 'BFloat16', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool'].map((type) => `torch ${type}Storage`);
const ORDERED_DICT = 'collections OrderedDict';
const REBUILD_TENSOR = 'torch._utils _rebuild_tensor_v2';
const REBUILD_PARAMETER = 'torch._utils _rebuild_parameter';

/** The only names a pickle may mention. None of them runs anything here: each is a case of `reduce`. */
const ALLOWED = new Set([ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, 'torch Size', ...STORAGES]);

const MARK = Symbol('mark');
type Slot = Pickled | typeof MARK;

/**
 * Reads a pickle that holds only dictionaries, lists, tuples, strings, numbers and descriptions of tensors. Nothing is ever executed:
 * the opcodes that could are unknown here, and every name outside the short list of tensor parts is refused by name.
 * @throws SalmonError `bad-file`.
 */
export function unpickle(bytes: Uint8Array, where: string): Pickled {
  return new Unpickler(bytes, where).run();
}

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  readonly #memo = new Map<number, Slot>();
  readonly #stack: Slot[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
  }

  run(): Pickled {
    for (;;) {
      const opcode = this.#take(1)[0] as number;
      if (opcode === 0x2e) break; // STOP
      this.#step(opcode);
    }
    const result = this.#pop();
    if (this.#stack.length > 0 || this.#at !== this.#bytes.length) this.#refuse('Pickle does not end where it says', 'one value', 'more');
    return result;
  }

  #step(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case 0x80: // PROTO
        if ((this.#take(1)[0] as number) > 5) this.#refuse('Unknown pickle protocol', 'at most 5', 'more');
        return;
      case 0x95: // FRAME
        this.#take(8);
        return;
      case 0x28: // MARK
        stack.push(MARK);
        return;
      case 0x30: // POP
        if (stack.pop() === undefined) this.#refuse('Pickle is malformed', 'a value', 'an empty stack');
        return;
      case 0x4e: // NONE
        stack.push(null);
        return;
      case 0x88: // NEWTRUE
        stack.push(true);
        return;
      case 0x89: // NEWFALSE
        stack.push(false);
        return;
      case 0x4b: // BININT1
        stack.push(this.#take(1)[0] as number);
        return;
      case 0x4d: // BININT2
        stack.push(this.#number(2));
        return;
      case 0x4a: // BININT
        stack.push(this.#number(4) | 0);
        return;
      case 0x8a: // LONG1
        stack.push(this.#long(this.#number(1)));
        return;
      case 0x47: // BINFLOAT
        this.#take(8);
        stack.push(this.#view.getFloat64(this.#at - 8, false));
        return;
      case 0x58: // BINUNICODE
        stack.push(this.#text(this.#number(4)));
        return;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(this.#text(this.#number(1)));
        return;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        return;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        return;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        stack.push(this.#popMany(opcode - 0x84));
        return;
      case 0x74: // TUPLE
      case 0x6c: // LIST
        stack.push(this.#popToMark());
        return;
      case 0x61: // APPEND
        this.#appendTo(this.#popMany(1));
        return;
      case 0x65: // APPENDS
        this.#appendTo(this.#popToMark());
        return;
      case 0x73: { // SETITEM
        const [key, value] = this.#popMany(2);
        this.#set(this.#top(), [key as Pickled, value as Pickled]);
        return;
      }
      case 0x75: { // SETITEMS
        const items = this.#popToMark();
        this.#set(this.#top(), items);
        return;
      }
      case 0x71: // BINPUT
        this.#memo.set(this.#number(1), this.#topSlot());
        return;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#number(4), this.#topSlot());
        return;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#topSlot());
        return;
      case 0x68: // BINGET
        stack.push(this.#recall(this.#number(1)));
        return;
      case 0x6a: // LONG_BINGET
        stack.push(this.#recall(this.#number(4)));
        return;
      case 0x63: // GLOBAL
        stack.push(this.#global(this.#line(), this.#line()));
        return;
      case 0x93: { // STACK_GLOBAL
        const [module, name] = this.#popMany(2);
        stack.push(this.#global(String(module), String(name)));
        return;
      }
      case 0x51: // BINPERSID
        stack.push(this.#storage(this.#pop()));
        return;
      case 0x52: { // REDUCE
        const [callable, args] = this.#popMany(2);
        stack.push(this.#reduce(callable as Pickled, args as Pickled));
        return;
      }
      case 0x62: // BUILD: attributes of an OrderedDict (torch's _metadata); not needed
        this.#pop();
        if (!(this.#top() instanceof Map)) this.#refuse('Pickle sets attributes', 'of a dictionary only', 'another object');
        return;
      default:
        this.#refuse('Pickle uses an operation that is not allowed', 'dictionaries, lists, numbers and tensors', `opcode 0x${opcode.toString(16)}`);
    }
  }

  #global(module: string, name: string): Callable {
    const full = `${module} ${name}`;
    if (!ALLOWED.has(full)) this.#refuse('Pickle names something that may not be loaded', [...ALLOWED].join(', '), `${module}.${name}`.slice(0, 120));
    return { callable: full };
  }

  /** The value that a call would have made, for the few calls that make tensors and dictionaries. */
  #reduce(callable: Pickled, args: Pickled): Pickled {
    if (!isCallable(callable) || !Array.isArray(args)) return this.#refuse('Pickle is malformed', 'a known name and its arguments', 'something else');
    const list = args as readonly Pickled[];
    if (callable.callable === ORDERED_DICT && list.length === 0) return new Map();
    if (callable.callable === 'torch Size' && Array.isArray(list[0])) return list[0] as readonly Pickled[];
    if (callable.callable === REBUILD_PARAMETER && isTensor(list[0])) return list[0];
    if (callable.callable === REBUILD_TENSOR) {
      const [storage, offset, shape, strides] = list;
      if (isStorage(storage) && isCount(offset) && isCounts(shape) && isCounts(strides) && shape.length === strides.length && shape.length <= 8) {
        return { tensor: true, storage, offset, shape, strides };
      }
    }
    return this.#refuse('Pickle is malformed', `valid arguments of ${callable.callable}`, 'others');
  }

  #storage(id: Pickled): StorageRef {
    const [tag, type, key, , elements] = Array.isArray(id) ? (id as readonly Pickled[]) : [];
    if (tag === 'storage' && type !== undefined && isCallable(type) && STORAGES.includes(type.callable) && typeof key === 'string' && isCount(elements)) {
      return { storage: true, type: type.callable.slice(6), key, elements };
    }
    return this.#refuse('Pickle refers to something outside', 'a tensor storage', 'another reference');
  }

  #set(dict: Pickled, items: readonly Pickled[]): void {
    if (!(dict instanceof Map) || items.length % 2 === 1) return void this.#refuse('Pickle is malformed', 'a dictionary and pairs', 'something else');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key !== 'string' && typeof key !== 'number') this.#refuse('Pickle has a key that is no text', 'text or a number', typeof key);
      dict.set(String(key), items[i + 1] as Pickled);
    }
  }

  #appendTo(items: readonly Pickled[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) this.#refuse('Pickle is malformed', 'a list', 'something else');
    for (const item of items) (list as Pickled[]).push(item);
  }

  #recall(index: number): Slot {
    const slot = this.#memo.get(index);
    return slot === undefined ? this.#refuse('Pickle recalls what it never stored', 'a stored value', `number ${index}`) : slot;
  }

  #topSlot(): Slot {
    const slot = this.#stack[this.#stack.length - 1];
    return slot === undefined ? this.#refuse('Pickle is malformed', 'a value', 'an empty stack') : slot;
  }

  #top(): Pickled {
    const slot = this.#topSlot();
    return slot === MARK ? this.#refuse('Pickle is malformed', 'a value', 'a mark') : (slot as Pickled);
  }

  #pop(): Pickled {
    const top = this.#top();
    this.#stack.pop();
    return top;
  }

  #popMany(count: number): Pickled[] {
    const items: Pickled[] = [];
    for (let i = 0; i < count; i++) items.unshift(this.#pop());
    return items;
  }

  #popToMark(): Pickled[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) this.#refuse('Pickle is malformed', 'a mark', 'none');
    return this.#stack.splice(at).slice(1) as Pickled[];
  }

  #take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) this.#refuse('Pickle ends early', `${this.#at + count} bytes`, `${this.#bytes.length} bytes`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  #number(bytes: 1 | 2 | 4): number {
    this.#take(bytes);
    const at = this.#at - bytes;
    return bytes === 1 ? this.#view.getUint8(at) : bytes === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  /** Little-endian two's complement. */
  #long(length: number): number | bigint {
    let value = 0n;
    const bytes = this.#take(length);
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
    const signed = length === 0 ? 0n : BigInt.asIntN(8 * length, value);
    const small = Number(signed);
    return Number.isSafeInteger(small) ? small : signed;
  }

  #text(length: number): string {
    return Buffer.from(this.#take(length)).toString('utf8');
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) this.#refuse('Pickle ends early', 'a line', 'no end of line');
    const text = this.#text(end - this.#at);
    this.#at += 1;
    return text;
  }

  #refuse(what: string, expected: string, got: string): never {
    const todo = 'Convert the file to safetensors where it comes from';
    throw new SalmonError('bad-file', { what, where: `${this.#where}, byte ${this.#at}`, expected, got, todo });
  }
}

export function isTensor(value: Pickled | undefined): value is PickledTensor {
  return typeof value === 'object' && value !== null && 'tensor' in value;
}

function isStorage(value: Pickled | undefined): value is StorageRef {
  return typeof value === 'object' && value !== null && 'elements' in value;
}

function isCallable(value: Pickled): value is Callable {
  return typeof value === 'object' && value !== null && 'callable' in value;
}

function isCount(value: Pickled | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: Pickled | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}
