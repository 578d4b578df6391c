/** The speller and the tracker give what the Python originals gave: tests/golden/spelling.json. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Movement, MovementTracker, type Photo } from "../src/spelling/movement";
import { DEFAULTS, type SpellingSettings } from "../src/spelling/settings";
import { Speller } from "../src/spelling/speller";

interface Frame {
  readonly act?: "undo" | "clear";
  readonly seconds: number;
  readonly seen: Readonly<Record<string, number>>;
  readonly moved?: readonly [number, number, number];
}

interface Answer {
  readonly kind?: string;
  readonly text: string;
  readonly certainty?: number;
  readonly candidates?: readonly (readonly [string, number])[];
}

interface Golden {
  readonly defaults: SpellingSettings;
  readonly streams: readonly {
    readonly name: string;
    readonly labels: readonly string[];
    readonly settings: Partial<SpellingSettings>;
    readonly frames: readonly Frame[];
    readonly answers: readonly Answer[];
  }[];
  readonly pictures: readonly {
    readonly height: number;
    readonly width: number;
    readonly movements: readonly (readonly [number, number, number] | null)[];
  }[];
}

const golden = JSON.parse(readFileSync(new URL("../../tests/golden/spelling.json", import.meta.url), "utf8")) as Golden;

function answered({ labels, settings, frames }: Golden["streams"][number]): Answer[] {
  const speller = new Speller(labels, settings);
  const answers: Answer[] = [];
  for (const frame of frames) {
    if (frame.act !== undefined) {
      answers.push({ text: speller[frame.act]() });
      continue;
    }
    const seen = labels.map((_, index) => frame.seen[index] ?? 0);
    const [right, down, share] = frame.moved ?? [0, 0, 0];
    const movement: Movement | null = frame.moved === undefined ? null : { right, down, share };
    answers.push(...speller.step(frame.seconds, seen, movement));
  }
  return [...answers, ...speller.finish()];
}

/** Sums may be added up in another order; nothing else may differ. */
function close(answer: Answer): unknown {
  const near = (value: number) => expect.closeTo(value, 7) as number;
  const { certainty, candidates } = answer;
  return {
    ...answer,
    ...(certainty === undefined ? {} : { certainty: near(certainty) }),
    ...(candidates === undefined ? {} : { candidates: candidates.map(([label, share]) => [label, near(share)]) }),
  };
}

/** As `photo` in tests/golden/make_spelling.py says. */
function photo(number: number, height: number, width: number): Photo {
  const pixels = new Uint8Array(3 * height * width);
  const side = Math.floor(Math.min(height, width) / 3);
  const left = Math.floor((width * (2 + number)) / 12);
  const top = Math.floor((height * (9 - number)) / 15);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [u, v] = [x - left, y - top];
      const inside = u >= 0 && u < side && v >= 0 && v < side;
      for (let channel = 0; channel < 3; channel += 1) {
        pixels[3 * (y * width + x) + channel] = inside
          ? 120 + ((7 * u * u + 11 * v * (channel + 1)) % 100)
          : ((5 * x + 9 * y) % 61) + 40;
      }
    }
  }
  return { height, width, pixels };
}

describe("the speller", () => {
  it("has the settings of the Python side", () => {
    expect(DEFAULTS).toEqual(golden.defaults);
  });

  it.each(golden.streams.map((stream) => [stream.name, stream] as const))("answers as Python does: %s", (_, stream) => {
    expect(answered(stream)).toEqual(stream.answers.map(close));
  });

  it("lets what was typed be undone", () => {
    const speller = new Speller(["A", "nothing"]);
    expect(speller.undoable).toBe(false);
    expect(speller.type(" ")).toBe(" ");
    expect(speller.undoable).toBe(true);
    expect(speller.undo()).toBe("");
    expect(speller.undo()).toBe("");
  });

  it("keeps at most 1000 texts to go back to", () => {
    const speller = new Speller(["A"]);
    for (let index = 0; index < 1500; index += 1) speller.type("x");
    for (let index = 0; index < 1500; index += 1) speller.undo();
    expect(speller.text).toHaveLength(500);
  });

  it.each([
    ["too few", 1, [1]],
    ["not finite", 1, [Number.NaN, 0]],
    ["negative", 1, [-0.1, 0]],
    ["backwards", -1, [0.5, 0.5]],
  ])("refuses what is none: %s", (_, seconds, seen) => {
    const speller = new Speller(["A", "nothing"]);
    speller.step(0, [0.5, 0.5]);
    expect(() => speller.step(seconds, seen)).toThrow(RangeError);
  });
});

describe("the movement tracker", () => {
  it.each(
    golden.pictures.map((each) => [`${each.height}×${each.width}`, each] as const),
  )("moves as Python does: %s", (_, { height, width, movements }) => {
    const tracker = new MovementTracker();
    const found = [0, 1, 2, 2, 3, 5, 5, 8].map((number, place) => {
      const moved = tracker.step(place / 10, photo(number, height, width));
      return moved === null ? null : [moved.right, moved.down, moved.share];
    });
    for (const [index, expected] of movements.entries()) {
      if (expected === null) expect(found[index]).toBeNull();
      else for (const [part, value] of expected.entries()) expect(found[index]?.[part]).toBeCloseTo(value, 8);
    }
  });

  it("begins anew after a reset", () => {
    const tracker = new MovementTracker();
    expect(tracker.step(0, photo(0, 60, 60))).toBeNull();
    tracker.reset();
    expect(tracker.step(1, photo(1, 60, 60))).toBeNull();
    expect(tracker.step(1.01, photo(2, 60, 60))).toBeNull();
    expect(tracker.step(2, photo(2, 60, 60))).not.toBeNull();
  });
});
