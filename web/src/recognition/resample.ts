/**
 * A part of a picture in another size, pixel for pixel as Pillow makes it: the mean of areas where it shrinks, else
 * between pixels. Beyond the picture its edge pixels are repeated. tests/golden/finding.json holds it to Pillow. (Where
 * one side shrinks and the other grows, which no camera's frame asks for, Pillow may round in another order.)
 */

import type { Picture } from "./types";

/** In whole pixels; it may reach beyond the picture. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const BITS = 22; // of Pillow's weights, which are whole numbers
const HALF = 1 << (BITS - 1);
const OPAQUE = 255;

/** Which pixels make one, and how much each counts. */
interface Weights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `most` for each pixel that is made. */
  readonly weight: Int32Array;
  readonly most: number;
}

/** A part of a picture; its pixels are opaque. */
export function cut(picture: Picture, part: Part): Picture {
  const [rows, columns] = [places(part.top, part.height, picture.height), places(part.left, part.width, picture.width)];
  const from = new Uint32Array(picture.rgba.buffer, picture.rgba.byteOffset, picture.width * picture.height);
  const to = new Uint32Array(part.width * part.height);
  let at = 0;
  for (const row of rows) {
    const start = row * picture.width;
    for (const column of columns) {
      to[at] = from[start + column] as number;
      at += 1;
    }
  }
  const rgba = new Uint8ClampedArray(to.buffer);
  for (let alpha = 3; alpha < rgba.length; alpha += 4) rgba[alpha] = OPAQUE;
  return { width: part.width, height: part.height, rgba };
}

/**
 * A part of a picture in another size.
 *
 * @param gap shrink by whole numbers first, as long as it remains so many times larger than wanted; Infinity: never.
 */
export function resized(picture: Picture, part: Part, height: number, width: number, gap = Infinity): Picture {
  if (part.height === height && part.width === width) return cut(picture, part);
  const shrinks = height <= part.height && width <= part.width;
  const by = (length: number, wanted: number) => (shrinks ? Math.max(1, Math.trunc(length / wanted / gap)) : 1);
  const [down, across] = [by(part.height, height), by(part.width, width)];
  let source = picture;
  let rows = places(part.top, part.height, picture.height);
  let columns = places(part.left, part.width, picture.width);
  if (down > 1 || across > 1) {
    source = reduced(picture, rows, columns, down, across);
    rows = places(0, source.height, source.height);
    columns = places(0, source.width, source.width);
  }
  const wide = acrossRows(source, rows, columns, weights(columns.length, part.width / across, width, shrinks));
  return downColumns(wide, rows.length, width, weights(rows.length, part.height / down, height, shrinks));
}

/** Which pixel of an axis each one of the part is. */
function places(start: number, count: number, length: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => Math.min(Math.max(start + index, 0), length - 1));
}

/** Means of blocks; those at the far edges may be smaller. */
function reduced(picture: Picture, rows: Int32Array, columns: Int32Array, down: number, across: number): Picture {
  const [height, width] = [Math.ceil(rows.length / down), Math.ceil(columns.length / across)];
  const rgba = new Uint8ClampedArray(4 * width * height);
  const sums = new Uint32Array(3 * width); // of one row of the picture
  const block = new Uint32Array(3 * width);
  for (let row = 0, summed = -1; row < rows.length; row += 1) {
    if (rows[row] !== summed) sumRow(picture, rows[row] as number, columns, across, sums);
    summed = rows[row] as number;
    for (let at = 0; at < block.length; at += 1) block[at] = (block[at] as number) + (sums[at] as number);
    if (row % down !== down - 1 && row !== rows.length - 1) continue;
    const start = 4 * width * Math.floor(row / down);
    for (let column = 0; column < width; column += 1) {
      const pixels = ((row % down) + 1) * Math.min(across, columns.length - column * across);
      const share = Math.trunc(2 ** 24 / pixels); // Pillow multiplies by it instead of dividing
      for (let channel = 0; channel < 3; channel += 1) {
        const total = (block[3 * column + channel] as number) + (pixels >> 1);
        rgba[start + 4 * column + channel] = Math.floor((total * share) / 2 ** 24);
      }
      rgba[start + 4 * column + 3] = OPAQUE;
    }
    block.fill(0);
  }
  return { width, height, rgba };
}

/** Sums of `across` neighbouring pixels of a row. */
function sumRow({ rgba, width }: Picture, row: number, columns: Int32Array, across: number, sums: Uint32Array): void {
  for (let column = 0, to = 0; column < columns.length; to += 3) {
    const end = Math.min(column + across, columns.length);
    let red = 0;
    let green = 0;
    let blue = 0;
    for (; column < end; column += 1) {
      const from = 4 * (row * width + (columns[column] as number));
      red += rgba[from] as number;
      green += rgba[from + 1] as number;
      blue += rgba[from + 2] as number;
    }
    sums[to] = red;
    sums[to + 1] = green;
    sums[to + 2] = blue;
  }
}

/**
 * @param length pixels of the axis.
 * @param span how much of the axis is meant, up to `length`.
 * @param wanted pixels that are made of it.
 * @param box the mean of areas; else between pixels.
 */
function weights(length: number, span: number, wanted: number, box: boolean): Weights {
  const scale = span / wanted;
  const wide = Math.max(scale, 1);
  const support = (box ? 0.5 : 1) * wide;
  const most = 2 * Math.ceil(support) + 1;
  const [first, count] = [new Int32Array(wanted), new Int32Array(wanted)];
  const weight = new Int32Array(wanted * most);
  const parts = new Float64Array(most);
  for (let index = 0; index < wanted; index += 1) {
    const centre = (index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(length, Math.trunc(centre + support + 0.5));
    let total = 0;
    for (let at = start; at < end; at += 1) {
      const away = (at - centre + 0.5) / wide;
      const part = box ? Number(away > -0.5 && away <= 0.5) : Math.max(0, 1 - Math.abs(away));
      parts[at - start] = part;
      total += part;
    }
    first[index] = start;
    count[index] = end - start;
    for (let each = 0; each < end - start; each += 1) {
      weight[index * most + each] = Math.trunc(0.5 + ((parts[each] as number) / total) * 2 ** BITS);
    }
  }
  return { first, count, weight, most };
}

/** Every row in the wanted width: RGB, a row for each of the part's. */
function acrossRows({ rgba, width }: Picture, rows: Int32Array, columns: Int32Array, by: Weights): Uint8Array {
  const { first, count, weight, most } = by;
  const wanted = first.length;
  const out = new Uint8Array(3 * wanted * rows.length);
  for (let row = 0, to = 0; row < rows.length; row += 1) {
    const start = (rows[row] as number) * width;
    if (row > 0 && rows[row] === rows[row - 1]) {
      out.copyWithin(to, to - 3 * wanted, to); // beyond the edge all rows are alike
      to += 3 * wanted;
      continue;
    }
    for (let column = 0; column < wanted; column += 1) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let each = 0; each < (count[column] as number); each += 1) {
        const from = 4 * (start + (columns[(first[column] as number) + each] as number));
        const part = weight[column * most + each] as number;
        red += part * (rgba[from] as number);
        green += part * (rgba[from + 1] as number);
        blue += part * (rgba[from + 2] as number);
      }
      out[to] = clipped(red);
      out[to + 1] = clipped(green);
      out[to + 2] = clipped(blue);
      to += 3;
    }
  }
  return out;
}

/** Every column in the wanted height. */
function downColumns(rgb: Uint8Array, rows: number, width: number, by: Weights): Picture {
  const { first, count, weight, most } = by;
  const height = first.length;
  const rgba = new Uint8ClampedArray(4 * width * height).fill(OPAQUE);
  const sums = new Int32Array(3 * width);
  if (rgb.length !== 3 * width * rows) throw new RangeError(`${rgb.length} bytes are not ${rows} rows of ${width}`);
  for (let row = 0; row < height; row += 1) {
    sums.fill(HALF);
    for (let each = 0; each < (count[row] as number); each += 1) {
      const part = weight[row * most + each] as number;
      const start = 3 * width * ((first[row] as number) + each);
      for (let at = 0; at < sums.length; at += 1) {
        sums[at] = (sums[at] as number) + part * (rgb[start + at] as number);
      }
    }
    for (let column = 0; column < width; column += 1) {
      const to = 4 * (row * width + column);
      for (let channel = 0; channel < 3; channel += 1)
        rgba[to + channel] = clipped(sums[3 * column + channel] as number);
    }
  }
  return { width, height, rgba };
}

function clipped(sum: number): number {
  return Math.min(sum >> BITS, 255);
}
