/**
 * The last layer's weights out of a model.onnx, as src/fingerspell/core/onnx_file.py reads them. An ONNX file is one
 * Protocol Buffers message: fields of a number, a kind and a value, some of them messages themselves.
 */

const MODEL_GRAPH = 7;
const GRAPH_TENSOR = 5;
const [DIMENSIONS, DATA_TYPE, NAME, RAW_DATA] = [1, 2, 8, 9] as const;
const FLOAT = 1;

export interface Weights {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The float32 weights of that name; null where there are none in the file's raw form. Throws where it is no ONNX. */
export function readWeights(model: Uint8Array, name: string): Weights | null {
  for (const [number, graph] of fields(model)) {
    if (number !== MODEL_GRAPH || typeof graph === "number") continue;
    for (const [kind, tensor] of fields(graph)) {
      if (kind !== GRAPH_TENSOR || typeof tensor === "number") continue;
      const own = [...fields(tensor)];
      if (own.some(([field, value]) => field === NAME && typeof value !== "number" && words(value) === name))
        return floats(own);
    }
  }
  return null;
}

type Field = readonly [number, Uint8Array | number];

function floats(own: readonly Field[]): Weights | null {
  const shape: number[] = [];
  let raw: Uint8Array | null = null;
  let float = false;
  for (const [field, value] of own) {
    if (field === DIMENSIONS) shape.push(...(typeof value === "number" ? [value] : packed(value)));
    if (field === DATA_TYPE) float = value === FLOAT;
    if (field === RAW_DATA && typeof value !== "number") raw = value;
  }
  const count = shape.reduce((product, side) => product * side, 1);
  if (!float || raw === null || raw.length !== 4 * count) return null;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  return { shape, values: Float32Array.from({ length: count }, (_, index) => view.getFloat32(4 * index, true)) };
}

function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  while (at < message.length) {
    const [tag, after] = varint(message, at);
    const kind = tag % 8;
    const number = Math.floor(tag / 8);
    if (kind === 0) {
      const [value, end] = varint(message, after);
      yield [number, value];
      at = end;
    } else if (kind === 2) {
      const [size, begin] = varint(message, after);
      if (begin + size > message.length) throw new Error("the model is cut short");
      yield [number, message.subarray(begin, begin + size)];
      at = begin + size;
    } else if (kind === 1 || kind === 5) at = after + (kind === 1 ? 8 : 4);
    else throw new Error("the model is not ONNX");
  }
}

/** A whole number and where it ends. Products, not shifts: those would cut it to 32 bits. */
function varint(message: Uint8Array, begin: number): [number, number] {
  let value = 0;
  let place = 1;
  for (let at = begin; at < message.length && at < begin + 10; at += 1) {
    const byte = message[at] as number;
    value += (byte & 0x7f) * place;
    if (byte < 0x80) return [value, at + 1];
    place *= 128;
  }
  throw new Error("the model is cut short");
}

function packed(message: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < message.length; ) {
    const [value, end] = varint(message, at);
    numbers.push(value);
    at = end;
  }
  return numbers;
}

function words(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}
