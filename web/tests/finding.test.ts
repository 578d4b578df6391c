/** A hand is followed, cut out and watched as in Python, pixel for pixel: tests/golden/finding.json. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCard } from "../src/card/card";
import { Aim } from "../src/recognition/aim";
import { type Finds, type FoundHand, HandFinder, sizeFor } from "../src/recognition/finder";
import { resized } from "../src/recognition/resample";
import { SIDE, Sight } from "../src/recognition/sight";
import { centreOf, fractionsOf, round, type Square, shared } from "../src/recognition/square";
import { type Picture, withoutAlpha } from "../src/recognition/types";

type Hand = readonly [number, number, number, number, number];
type Place = readonly [number, number, number];

interface Golden {
  readonly framing: number;
  readonly threshold: number;
  readonly streams: readonly {
    readonly name: string;
    readonly height: number;
    readonly width: number;
    readonly frames: readonly (readonly [number, readonly Hand[]])[];
    /** Where was looked, the hand, what is cut out, what is watched, whether that jumped. */
    readonly answers: readonly (readonly [readonly (Place | null)[], Hand | null, Place | null, Place, number])[];
  }[];
  readonly sizes: readonly (readonly [number, number, number, number, number])[];
  readonly pixels: readonly (readonly [number, number, number, number, number, number, number | null, string])[];
}

const golden = JSON.parse(readFileSync(new URL("../../tests/golden/finding.json", import.meta.url), "utf8")) as Golden;

/** A finder that is told where hands are; it sees one whose middle lies in the window, the surest first. */
class Told implements Finds {
  readonly framing = golden.framing;
  readonly threshold = golden.threshold;
  hands: readonly Hand[] = [];
  looked: (Place | null)[] = [];

  async find(_: Picture, window: Square | null, atLeast = this.threshold): Promise<FoundHand | null> {
    this.looked.push(window === null ? null : numbers(window));
    let best: FoundHand | null = null;
    for (const [left, top, right, bottom, score] of this.hands) {
      const box = { left, top, right, bottom };
      const [x, y] = centreOf(box);
      const from = window === null ? 0 : x - window.left;
      const above = window === null ? 0 : y - window.top;
      const side = window?.side ?? 1;
      if (from >= 0 && from < side && above >= 0 && above < side && score > (best?.score ?? 0)) best = { box, score };
    }
    return best !== null && best.score >= atLeast ? best : null;
  }
}

function numbers({ left, top, side }: Square): Place {
  return [left, top, side];
}

function blank(width: number, height: number): Picture {
  return { width, height, rgba: new Uint8ClampedArray(4 * width * height) };
}

it.each(golden.streams.map((each) => [each.name, each] as const))("follows as Python does: %s", async (_, stream) => {
  const told = new Told();
  const aim = new Aim(told);
  const frame = blank(stream.width, stream.height);
  for (const [number, [seconds, hands]] of stream.frames.entries()) {
    told.hands = hands;
    told.looked = [];
    const aimed = await aim.step(seconds, frame);
    const [looked, hand, photo, watched, jumped] = stream.answers[number] ?? [];
    const where = `frame ${number}`;
    expect(told.looked, where).toEqual(looked);
    expect(aimed.hand === null, where).toBe(hand === null);
    if (aimed.hand !== null && hand) {
      const { box, score } = aimed.hand;
      for (const [index, value] of [box.left, box.top, box.right, box.bottom, score].entries()) {
        expect(Math.abs(value - (hand[index] as number)), where).toBeLessThan(1e-4);
      }
    }
    expect(aimed.photo === null ? null : numbers(aimed.photo), where).toEqual(photo);
    expect(numbers(aimed.watched), where).toEqual(watched);
    expect(Number(aimed.jumped), where).toBe(jumped);
  }
});

it.each(golden.sizes)("shows a frame of %i×%i in at most %i pixels as %i×%i", (height, width, pixels, high, wide) => {
  expect(sizeFor({ height, width }, pixels)).toEqual({ height: high, width: wide });
});

/** As `picture` of make_finding.py. */
function drawn(): Picture {
  const [height, width] = [90, 120];
  const rgba = new Uint8ClampedArray(4 * height * width);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const at = 4 * (row * width + column);
      const common = row * row * 3 + Math.floor((row * column) / 7) + 90 * (Math.floor(row / 20) % 2);
      for (let channel = 0; channel < 3; channel += 1) rgba[at + channel] = (common + column * (5 + 2 * channel)) % 256;
      rgba[at + 3] = 7; // of no account
    }
  }
  return { width, height, rgba };
}

it.each(golden.pixels)("shows (%i, %i, %i, %i) as %i×%i, gap %s, pixel for pixel", (...part) => {
  const [left, top, width, height, high, wide, gap, hex] = part;
  const made = resized(drawn(), { left, top, width, height }, high, wide, gap ?? undefined);
  expect([made.width, made.height]).toEqual([wide, high]);
  expect(Buffer.from(withoutAlpha(made.rgba)).toString("hex")).toBe(hex);
  expect(made.rgba.every((value, index) => index % 4 !== 3 || value === 255)).toBe(true);
});

describe("numbers", () => {
  it("are rounded as in Python: halves to the even one", () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6, -2.6].map(round).map((each) => each + 0)).toEqual([
      0, 2, 2, 0, -2, 2, 3, -3,
    ]);
  });

  it("of boxes that share nothing, a part, and all", () => {
    const box = { left: 0, top: 0, right: 4, bottom: 2 };
    expect(shared(box, { left: 4, top: 0, right: 8, bottom: 2 })).toBe(0);
    expect(shared(box, { left: 2, top: 0, right: 6, bottom: 2 })).toBeCloseTo(1 / 3);
    expect(shared(box, box)).toBe(1);
  });

  it("for the preview leave out what lies beyond the frame", () => {
    const box = { left: -10, top: 24, right: 50, bottom: 60 };
    expect(fractionsOf(box, { width: 100, height: 48 })).toEqual({ left: 0, top: 0.5, width: 0.5, height: 0.5 });
  });
});

describe("the finder", () => {
  const card = { pixels: 192 * 192, framing: 1.5, threshold: 0.4 };
  const asked: [number, number, number][] = [];
  const finder = (scores: number[], boxes: number[]) =>
    new HandFinder(card, async (rgb, height, width) => {
      asked.push([rgb.length, height, width]);
      return { scores: Float32Array.from(scores), boxes: Float32Array.from(boxes) };
    });
  const frame = blank(640, 480);

  it("gives the surest hand in pixels of the frame", async () => {
    const found = await finder([0.1, 0.5, 0.3], [0, 0, 9, 9, 7, 16, 14, 32, 0, 0, 9, 9]).find(frame);
    expect(asked.at(-1)).toEqual([3 * 160 * 224, 160, 224]);
    expect(found?.score).toBe(0.5);
    expect(found?.box).toEqual({ left: 20, top: 48, right: 40, bottom: 96 });
  });

  it("looks in a window that may reach beyond the frame, and cuts the box off where the frame ends", async () => {
    const window = { left: -64, top: 320, side: 256 };
    const found = await finder([0.6], [10, 20, 64, 120]).find(frame, window);
    expect(asked.at(-1)).toEqual([3 * 128 * 128, 128, 128]);
    expect(found?.box).toEqual({ left: 0, top: 360, right: 64, bottom: 480 });
  });

  it("takes no hand below the threshold, none outside the frame, and none that is no number", async () => {
    expect(await finder([0.39], [0, 0, 50, 50]).find(frame)).toBeNull();
    expect(await finder([0.39], [0, 0, 50, 50]).find(frame, null, 0.39)).toBeNull(); // 0.39 is less as float32
    expect(await finder([0.5], [0, 0, 50, 50]).find(frame, null, 0.5)).not.toBeNull();
    expect(await finder([0.9], [-50, 0, 0.2, 50]).find(frame)).toBeNull();
    expect(await finder([Number.NaN], [0, 0, 50, 50]).find(frame)).toBeNull();
    expect(await finder([], []).find(frame)).toBeNull();
  });
});

describe("what is shown", () => {
  const told = new Told();
  const frame = drawn();

  it("is the hand, cut out; its box in fractions of the frame", async () => {
    told.hands = [[40, 30, 60, 50, 0.9]];
    const { photo, watched, jumped, found } = await new Sight(told, true).look(0, frame);
    expect([photo?.width, photo?.height, watched.width, jumped]).toEqual([30, 30, 44, false]);
    expect([...(photo?.rgba.slice(0, 3) ?? [])]).toEqual([
      ...frame.rgba.slice(4 * (25 * 120 + 35), 4 * (25 * 120 + 35) + 3),
    ]);
    expect(found?.left).toBeCloseTo(1 / 3);
    expect(found?.height).toBeCloseTo(20 / 90);
  });

  it("is nothing without a hand, or the frame's middle for a recogniser that has no word for it", async () => {
    told.hands = [];
    expect((await new Sight(told, true).look(0, frame)).photo).toBeNull();
    const { photo, watched, found } = await new Sight(told, false).look(0, frame);
    expect([photo?.width, photo?.height, watched.width, found]).toEqual([90, 90, 90, null]);
    expect(await new Sight(told, true).once(frame)).toBeNull();
  });

  it("is the hand in a single photo, framed likewise", async () => {
    told.hands = [[40, 30, 60, 50, 0.9]];
    expect((await new Sight(told, true).once(frame))?.photo.width).toBe(30);
  });

  it("is never larger than networks need", async () => {
    told.hands = [[100, 100, 400, 400, 0.9]];
    const large = await new Sight(told, true).look(0, blank(640, 480));
    expect([large.photo?.width, large.photo?.height, large.watched.height]).toEqual([SIDE, SIDE, SIDE]);
    expect((await new Sight(told, true).once(blank(640, 480)))?.photo.width).toBe(256);
  });

  it("begins anew after another stream", async () => {
    told.hands = [[40, 30, 60, 50, 0.9]];
    const sight = new Sight(told, true);
    await sight.look(0, frame);
    told.looked = [];
    sight.forget();
    await sight.look(0.1, frame);
    expect(told.looked).toEqual([null]);
  });
});

describe("the card", () => {
  const finder = { input: [192, 160], framing: 1.5, score: 0.4 };
  const read = (value: unknown) => parseCard({ labels: ["A"], finder: value }).finder;

  it("tells how to find hands", () => {
    expect(read(finder)).toEqual({ pixels: 192 * 160, framing: 1.5, threshold: 0.4 });
  });

  it("of a bundle without a finder, or that makes no sense, tells nothing", () => {
    const amiss = [
      { input: [4, 192] },
      { input: [192] },
      { input: 192 },
      { framing: 0.5 },
      { framing: "1" },
      { score: 2 },
    ];
    for (const each of amiss) expect(read({ ...finder, ...each })).toBeNull();
    expect(read(undefined)).toBeNull();
    expect(read(null)).toBeNull();
  });
});
