/**
 * A bundle's finder: a frame → where its hand is. The same as `fingerspell/live/finding/finder.py`, number for number;
 * tests/golden/finding.json holds both.
 */

import type { Size } from "../camera/box";
import { resized } from "./resample";
import { type HandBox, round, type Square } from "./square";
import { type Picture, withoutAlpha } from "./types";

/** Pixels of the side of a window that is searched instead of the whole frame. */
export const WINDOW = 128;
const MULTIPLE = 32; // of height and width, as the network takes them
const FEWEST = 0.6; // of the pixels that the finder may see: frames of other shapes get nearly as many
const GAP = 2; // how Pillow is told to hurry: by whole numbers first

/** What the bundle's card says of its finder. */
export interface FinderCard {
  /** That it sees of a frame, at most. */
  readonly pixels: number;
  /** Side of the square to cut out, as a multiple of the box's longer side. */
  readonly framing: number;
  /** A lower score is no hand, 0–1. */
  readonly threshold: number;
}

/** A hand: a box within the frame, and how sure the finder is, 0–1. */
export interface FoundHand {
  readonly box: HandBox;
  readonly score: number;
}

/** What a follower needs of a finder. */
export interface Finds {
  readonly framing: number;
  readonly threshold: number;
  /**
   * The surest hand, or null.
   *
   * @param window look here only, which is quicker and sees small hands better; null: in the whole frame.
   * @param atLeast the lowest score that counts; `threshold` by default.
   */
  find(frame: Picture, window: Square | null, atLeast?: number): Promise<FoundHand | null>;
}

/** What the network answers: a score for each place, and left, top, right, bottom in pixels of its input. */
export interface Places {
  readonly scores: Float32Array;
  readonly boxes: Float32Array;
}

export class HandFinder implements Finds {
  readonly framing: number;
  readonly threshold: number;
  readonly #pixels: number;
  readonly #ask: (rgb: Uint8Array, height: number, width: number) => Promise<Places>;

  /** @param ask the network: (height, width, 3) RGB, multiples of 32. */
  constructor(card: FinderCard, ask: (rgb: Uint8Array, height: number, width: number) => Promise<Places>) {
    this.framing = card.framing;
    this.threshold = card.threshold;
    this.#pixels = card.pixels;
    this.#ask = ask;
  }

  async find(frame: Picture, window: Square | null = null, atLeast = this.threshold): Promise<FoundHand | null> {
    const part = window === null ? { left: 0, top: 0, ...sizeOf(frame) } : partOf(window);
    const { height, width } = window === null ? sizeFor(frame, this.#pixels) : { height: WINDOW, width: WINDOW };
    const { scores, boxes } = await this.#ask(
      withoutAlpha(resized(frame, part, height, width, GAP).rgba),
      height,
      width,
    );
    const best = largest(scores);
    const score = scores[best];
    if (score === undefined || !(score >= atLeast)) return null;
    const [across, down] = [part.width / width, part.height / height];
    const edge = (index: number) => boxes[4 * best + index] as number;
    const box = within(
      {
        left: edge(0) * across + part.left,
        top: edge(1) * down + part.top,
        right: edge(2) * across + part.left,
        bottom: edge(3) * down + part.top,
      },
      frame,
    );
    return box === null ? null : { box, score };
  }
}

const sizes = new Map<string, Size>();

/** The size in which a frame is shown to the network: multiples of 32, nearly of its shape, and nearly `pixels`. */
export function sizeFor(frame: Size, pixels: number): Size {
  const key = `${frame.width}×${frame.height}×${pixels}`;
  const known = sizes.get(key);
  if (known !== undefined) return known;
  const wanted = Math.log(frame.width / frame.height);
  const fit: Size[] = [];
  for (let height = MULTIPLE; height <= pixels; height += MULTIPLE) {
    for (let width = MULTIPLE; width * height <= pixels; width += MULTIPLE) fit.push({ width, height });
  }
  const many = fit.filter(({ width, height }) => width * height >= FEWEST * pixels);
  // a shape within 3% is as good as the same: then more pixels are better
  const amiss = ({ width, height }: Size) => round(Math.abs(Math.log(width / height) - wanted) / 0.03);
  const better = (one: Size, other: Size) =>
    amiss(one) - amiss(other) || other.width * other.height - one.width * one.height;
  const [best = { width: MULTIPLE, height: MULTIPLE }] = (many.length > 0 ? many : fit).sort(better);
  sizes.set(key, best);
  return best;
}

/** The box cut off at the frame's edges; null where nothing of it is left. */
function within(box: HandBox, { width, height }: Size): HandBox | null {
  const clip = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  const [left, right] = [clip(box.left, width), clip(box.right, width)];
  const [top, bottom] = [clip(box.top, height), clip(box.bottom, height)];
  return right - left >= 1 && bottom - top >= 1 ? { left, top, right, bottom } : null;
}

function sizeOf({ width, height }: Size): Size {
  return { width, height };
}

/** A square as a part of a picture. */
export function partOf({ left, top, side }: Square): { left: number; top: number; width: number; height: number } {
  return { left, top, width: side, height: side };
}

/** Index of the largest value; the first of equal ones. */
function largest(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) {
    if ((values[index] as number) > (values[best] as number)) best = index;
  }
  return best;
}
