/** A person's last layer: how it is kept and given away as a file. It holds no picture. */

import type { Score } from "./check";
import type { Head } from "./head";

const FORMAT = "fingerspell-personal/1";

/** What a layer is made for. */
export interface Base {
  /** SHA-256 (hex) of the model. */
  readonly digest: string;
  readonly head: Head;
  readonly labels: readonly string[];
}

export interface Own {
  readonly digest: string;
  /** ISO 8601. */
  readonly made: string;
  /** How many photos of each label. */
  readonly photos: Readonly<Record<string, number>>;
  readonly before: Score;
  readonly after: Score;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** SHA-256 (hex); null where the browser has none, as on pages that came by plain http from elsewhere. */
export async function digestOf(model: ArrayBuffer): Promise<string | null> {
  if (globalThis.crypto?.subtle === undefined) return null;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", model));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function headOf(own: Own, base: Base): Head {
  return { ...base.head, weight: own.weight, bias: own.bias };
}

export function asJson(own: Own, labels: readonly string[]): string {
  const { weight, bias, ...rest } = own;
  return JSON.stringify({ format: FORMAT, ...rest, labels, weight: [...weight], bias: [...bias] });
}

/** Read what `asJson` or the browser's store gave. Throws, with words, where it is not for this recogniser. */
export function parseOwn(value: unknown, base: Base): Own {
  if (typeof value !== "object" || value === null) throw new Error("this is no recogniser of a person’s own");
  const file = value as Record<string, unknown>;
  if (file.format !== FORMAT) throw new Error("this file does not hold a recogniser of a person’s own");
  if (file.digest !== base.digest)
    throw new Error("it was made for another recogniser than the one in this page, and does not fit it");
  const { classes, size } = base.head;
  return {
    digest: base.digest,
    made: typeof file.made === "string" ? file.made.slice(0, 40) : "",
    photos: countsOf(file.photos, base.labels),
    before: scoreOf(file.before),
    after: scoreOf(file.after),
    weight: numbersOf(file.weight, classes * size),
    bias: numbersOf(file.bias, classes),
  };
}

function numbersOf(value: unknown, count: number): Float32Array {
  const fits =
    (Array.isArray(value) || value instanceof Float32Array) &&
    value.length === count &&
    value.every((each: unknown) => typeof each === "number" && Number.isFinite(Math.fround(each)));
  if (!fits) throw new Error("it is damaged: its numbers are not those of a layer");
  return Float32Array.from(value);
}

function countsOf(value: unknown, labels: readonly string[]): Record<string, number> {
  const counts = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(counts.filter(([label, count]) => labels.includes(label) && isCount(count)));
}

function scoreOf(value: unknown): Score {
  const { photos, right, loss } = (value ?? {}) as Record<string, unknown>;
  if (!isCount(photos) || !isCount(right) || photos < 1 || right > photos)
    throw new Error("it is damaged: it does not say how it was checked");
  return { photos, right, loss: typeof loss === "number" && Number.isFinite(loss) ? loss : 0 };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
