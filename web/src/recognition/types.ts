/** What a recogniser takes and gives, wherever it runs. */

import type { Box } from "../camera/box";
import type { Movement } from "../spelling/movement";

/** The box's content or a whole frame, as the camera gives it: RGBA, 8 bits, rows from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** A picture of a stream. */
export interface Shot extends Picture {
  /** Since an arbitrary moment, never decreasing. */
  readonly seconds: number;
  /** Whether it is the whole frame, in which the hand is to be found; else it is the box's content. */
  readonly whole: boolean;
}

export interface Reading {
  readonly seconds: number;
  /** In the order of the labels, 0–1. */
  readonly probabilities: Float32Array;
  /** Time of the network alone, where it is known. */
  readonly milliseconds: number;
  /** What the tracker made of the hand's path. */
  readonly movement: Movement | null;
  /** The hand that is expected; null where it is found out elsewhere. */
  readonly hand: Side | null;
  /** Where the hand is, in fractions of the frame; null where none was found, or where none was looked for. */
  readonly found: Box | null;
}

/** Where recognition runs. */
export type Place = "page" | "service";

export type Side = "right" | "left";

/** Which hand signs. A left hand's picture is mirrored before the network sees it; `auto` is found out. */
export type Hand = Side | "auto";

export interface Ranked {
  readonly label: string;
  readonly probability: number;
}

/** All labels with their probabilities, most probable first; equal ones in the labels' order. */
export function ranked(labels: readonly string[], probabilities: ArrayLike<number>): Ranked[] {
  return labels
    .map((label, index) => ({ label, probability: probabilities[index] ?? 0 }))
    .sort((a, b) => b.probability - a.probability);
}

/** A picture seen in a mirror. */
export function flipped<P extends Picture>(picture: P): P {
  const { width, height, rgba } = picture;
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      to[row * width + column] = from[row * width + (width - 1 - column)] ?? 0;
    }
  }
  return { ...picture, rgba: new Uint8ClampedArray(to.buffer) };
}

/** RGBA → RGB, as the network takes it: (H, W, 3). */
export function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const pixels = rgba.length >> 2;
  const rgb = new Uint8Array(pixels * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = rgba[from] as number;
    rgb[to + 1] = rgba[from + 1] as number;
    rgb[to + 2] = rgba[from + 2] as number;
  }
  return rgb;
}
