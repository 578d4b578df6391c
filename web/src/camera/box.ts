/** The box: the part of the camera's frame that the network sees. Fractions of the frame, 0–1, from its top left. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A smaller box shows too little of a hand. Fraction of the frame's shorter side. */
export const SMALLEST = 0.2;

/** The largest centred square in whole pixels, as the Python side takes it when no box is given. */
export function centred(frame: Size): Box {
  const side = Math.min(frame.width, frame.height);
  return {
    left: Math.floor((frame.width - side) / 2) / frame.width,
    top: Math.floor((frame.height - side) / 2) / frame.height,
    width: side / frame.width,
    height: side / frame.height,
  };
}

/** Move by fractions of the frame; the box stays inside. */
export function moved(box: Box, right: number, down: number): Box {
  return {
    ...box,
    left: clamp(box.left + right, 0, 1 - box.width),
    top: clamp(box.top + down, 0, 1 - box.height),
  };
}

export type Corner = "nw" | "ne" | "sw" | "se";

/**
 * Pull one corner; the opposite one stays. The box stays a square of pixels, because the recogniser learnt from
 * squares, and inside the frame.
 *
 * @param by how much larger the side becomes, pixels of the frame.
 */
export function resized(box: Box, corner: Corner, by: number, frame: Size): Box {
  const left = box.left * frame.width;
  const top = box.top * frame.height;
  const side = Math.min(box.width * frame.width, box.height * frame.height);
  const west = corner.endsWith("w");
  const north = corner.startsWith("n");
  const fixed = { x: west ? left + side : left, y: north ? top + side : top };
  const room = Math.min(west ? fixed.x : frame.width - fixed.x, north ? fixed.y : frame.height - fixed.y);
  const smallest = Math.min(SMALLEST * Math.min(frame.width, frame.height), room);
  const wanted = clamp(side + by, smallest, room);
  return {
    left: (west ? fixed.x - wanted : fixed.x) / frame.width,
    top: (north ? fixed.y - wanted : fixed.y) / frame.height,
    width: wanted / frame.width,
    height: wanted / frame.height,
  };
}

/** Grow (or shrink) about the centre, shifting it where the frame ends. `by` in pixels of the frame's side. */
export function grown(box: Box, by: number, frame: Size): Box {
  const shorter = Math.min(frame.width, frame.height);
  const side = clamp(box.width * frame.width + by, SMALLEST * shorter, shorter);
  const [width, height] = [side / frame.width, side / frame.height];
  const centre = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  return {
    left: clamp(centre.x - width / 2, 0, 1 - width),
    top: clamp(centre.y - height / 2, 0, 1 - height),
    width,
    height,
  };
}

/** A kept box made to fit the frame at hand, a square again where the frame has other proportions now. */
export function fitted(box: Box, frame: Size): Box {
  return grown(box, 0, frame);
}

/** The box in whole pixels of the frame, at least one each way. */
export function pixels(box: Box, frame: Size): Box {
  const [left, right] = span(box.left, box.width, frame.width);
  const [top, bottom] = span(box.top, box.height, frame.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** First pixel and the one after the last: the edges rounded, inside the frame, at least one pixel apart. */
function span(start: number, length: number, size: number): [number, number] {
  const first = Math.min(Math.round(start * size), size - 1);
  return [first, Math.min(Math.max(Math.round((start + length) * size), first + 1), size)];
}

/** As the box looks in a mirrored preview, and back. */
export function mirrored(box: Box): Box {
  return { ...box, left: 1 - box.left - box.width };
}

/** Read a kept box; anything else than a box inside the frame gives null. */
export function parse(value: unknown): Box | null {
  if (typeof value !== "object" || value === null) return null;
  const { left, top, width, height } = value as Record<string, unknown>;
  const numbers = [left, top, width, height];
  if (!numbers.every((each): each is number => typeof each === "number" && Number.isFinite(each))) return null;
  const [l, t, w, h] = numbers as [number, number, number, number];
  const slack = 1e-6;
  if (l < 0 || t < 0 || w <= 0 || h <= 0 || l + w > 1 + slack || t + h > 1 + slack) return null;
  return { left: l, top: t, width: w, height: h };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}
