/**
 * Squares of a frame: where to look, and what is cut out. The same as `fingerspell/live/finding/square.py`, number for
 * number; tests/golden/finding.json holds both.
 */

import type { Box, Size } from "../camera/box";

/**
 * Of the frame's shorter side: a larger square is not cut out. A hand that fills the photo is named as well from the
 * whole photo, and better than from one that is mostly repeated edges, or that a false box cut out.
 */
const LARGE = 0.6;

/** Around a hand without its forearm: pixels of the frame, (0, 0) is the outer corner of its top left pixel. */
export interface HandBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A square of whole pixels; it may reach beyond the frame. */
export interface Square {
  readonly left: number;
  readonly top: number;
  /** 1 or more. */
  readonly side: number;
}

/** x and y of the box's middle. */
export function centreOf({ left, top, right, bottom }: HandBox): [number, number] {
  return [(left + right) / 2, (top + bottom) / 2];
}

/** The longer side of the box. */
export function longerOf({ left, top, right, bottom }: HandBox): number {
  return Math.max(right - left, bottom - top);
}

/** Intersection over union of two boxes, 0–1. */
export function shared(one: HandBox, other: HandBox): number {
  const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  if (wide <= 0 || high <= 0) return 0;
  const inner = wide * high;
  return inner / (areaOf(one) + areaOf(other) - inner);
}

/** The square around the box's middle, `framing` times its longer side, in whole pixels. */
export function squareAround(box: HandBox, framing: number): Square {
  const side = Math.max(1, round(framing * longerOf(box)));
  const [x, y] = centreOf(box);
  return { left: round(x - side / 2), top: round(y - side / 2), side };
}

/**
 * What of a frame is shown to the recogniser: the square around the box's middle; of a hand that fills the frame, the
 * frame's largest square around it.
 */
export function viewOf(box: HandBox, framing: number, { width, height }: Size): Square {
  const square = squareAround(box, framing);
  const shorter = Math.min(height, width);
  if (square.side < LARGE * shorter) return square;
  const [x, y] = centreOf(box);
  return {
    left: Math.min(Math.max(round(x - shorter / 2), 0), width - shorter),
    top: Math.min(Math.max(round(y - shorter / 2), 0), height - shorter),
    side: shorter,
  };
}

/** The largest square in the frame's middle. */
export function whole({ width, height }: Size): Square {
  const side = Math.min(height, width);
  return { left: Math.floor((width - side) / 2), top: Math.floor((height - side) / 2), side };
}

/** The box in fractions of the frame, for the preview; what lies beyond the frame is left out. */
export function fractionsOf(box: HandBox, { width, height }: Size): Box {
  const inside = (value: number, most: number) => Math.min(Math.max(value / most, 0), 1);
  const [left, top] = [inside(box.left, width), inside(box.top, height)];
  return { left, top, width: inside(box.right, width) - left, height: inside(box.bottom, height) - top };
}

/** To whole numbers as Python rounds them: halves to the even one. */
export function round(value: number): number {
  const below = Math.floor(value);
  const part = value - below;
  if (part !== 0.5) return part < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

function areaOf({ left, top, right, bottom }: HandBox): number {
  return (right - left) * (bottom - top);
}
