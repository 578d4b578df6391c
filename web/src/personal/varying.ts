/** A picture and mild variations of it, pixel by pixel as src/fingerspell/live/adapting/varying.py makes them. */

/** RGB, rows from the top. */
export interface Photo {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** A window in percent of width and height, and its light in percent; beyond the edge, pixels repeat. */
const VARIATIONS = [
  { left: 0, top: 0, size: 90, light: 112 },
  { left: 10, top: 10, size: 90, light: 88 },
  { left: -12, top: 0, size: 112, light: 94 },
  { left: 0, top: -12, size: 112, light: 106 },
] as const;

/** The photo, then its variations. */
export function varied(photo: Photo): Photo[] {
  return [photo, ...VARIATIONS.map(({ left, top, size, light }) => vary(photo, left, top, size, light))];
}

function vary({ width, height, rgb }: Photo, left: number, top: number, size: number, light: number): Photo {
  const rows = places(height, top, size);
  const columns = places(width, left, size);
  const out = new Uint8Array(3 * rows.length * columns.length);
  let to = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = 3 * (row * width + column);
      for (let channel = 0; channel < 3; channel += 1) {
        out[to] = Math.min(255, Math.floor(((rgb[from + channel] as number) * light + 50) / 100));
        to += 1;
      }
    }
  }
  return { width: columns.length, height: rows.length, rgb: out };
}

/** Which pixels of an axis a window takes. */
function places(length: number, start: number, size: number): number[] {
  const first = Math.floor((length * start + 50) / 100);
  const count = Math.max(1, Math.floor((length * size + 50) / 100));
  return Array.from({ length: count }, (_, index) => Math.min(Math.max(first + index, 0), length - 1));
}
