import { describe, expect, it } from "vitest";
import { type Box, centred, fitted, grown, mirrored, moved, parse, pixels, resized, SMALLEST } from "../src/camera/box";

const FRAME = { width: 640, height: 480 };

function square(box: Box): void {
  expect(box.width * FRAME.width).toBeCloseTo(box.height * FRAME.height, 6);
}

describe("the box", () => {
  it("is the largest centred square in whole pixels", () => {
    expect(pixels(centred(FRAME), FRAME)).toEqual({ left: 80, top: 0, width: 480, height: 480 });
    expect(pixels(centred({ width: 97, height: 131 }), { width: 97, height: 131 })).toEqual({
      left: 0,
      top: 17,
      width: 97,
      height: 97,
    });
  });

  it("stays inside when moved", () => {
    const box = { left: 0.1, top: 0.1, width: 0.3, height: 0.4 };
    expect(moved(box, 0.2, 0.1)).toEqual({ ...box, left: 0.30000000000000004, top: 0.2 });
    expect(moved(box, 5, 5)).toEqual({ ...box, left: 0.7, top: 0.6 });
    expect(moved(box, -5, -5)).toEqual({ ...box, left: 0, top: 0 });
  });

  it.each([
    ["se", 0.25, 0.25],
    ["nw", 0.55, 0.65],
    ["ne", 0.25, 0.65],
    ["sw", 0.55, 0.25],
  ] as const)("keeps the opposite corner when %s is pulled", (corner, x, y) => {
    const box = { left: 0.25, top: 0.25, width: 0.3, height: 0.4 };
    const larger = resized(box, corner, 48, FRAME);
    square(larger);
    expect(larger.width * FRAME.width).toBeCloseTo(240, 6);
    expect(corner.endsWith("w") ? larger.left + larger.width : larger.left).toBeCloseTo(x, 9);
    expect(corner.startsWith("n") ? larger.top + larger.height : larger.top).toBeCloseTo(y, 9);
  });

  it("neither leaves the frame nor becomes too small when resized", () => {
    const box = { left: 0.25, top: 0.25, width: 0.3, height: 0.4 };
    const largest = resized(box, "se", 9999, FRAME);
    square(largest);
    expect(largest.top + largest.height).toBeCloseTo(1, 9);
    expect(resized(box, "se", -9999, FRAME).height).toBeCloseTo(SMALLEST, 9);
  });

  it("grows about its centre, and shifts at the frame's end", () => {
    const box = { left: 0.35, top: 0.3, width: 0.3, height: 0.4 };
    const larger = grown(box, 48, FRAME);
    square(larger);
    expect(larger.left + larger.width / 2).toBeCloseTo(0.5, 9);
    const corner = grown({ left: 0.7, top: 0.6, width: 0.3, height: 0.4 }, 96, FRAME);
    expect(corner.left + corner.width).toBeCloseTo(1, 9);
    expect(corner.top + corner.height).toBeCloseTo(1, 9);
    expect(grown(box, 9999, FRAME).height).toBe(1);
  });

  it("is a square again in a frame of other proportions", () => {
    const upright = { width: 480, height: 640 };
    const box = fitted(centred(FRAME), upright);
    expect(box.width * 480).toBeCloseTo(box.height * 640, 6);
    expect(box.left).toBeGreaterThanOrEqual(0);
    expect(box.left + box.width).toBeLessThanOrEqual(1 + 1e-9);
  });

  it("is mirrored twice to itself", () => {
    const box = { left: 0.1, top: 0.2, width: 0.3, height: 0.4 };
    expect(mirrored(box).left).toBeCloseTo(0.6, 9);
    expect(mirrored(mirrored(box)).left).toBeCloseTo(0.1, 9);
  });

  it("has at least one pixel", () => {
    expect(pixels({ left: 0.999, top: 0.999, width: 0.001, height: 0.001 }, { width: 10, height: 10 })).toEqual({
      left: 9,
      top: 9,
      width: 1,
      height: 1,
    });
  });

  it("is only read where it is one", () => {
    const box = { left: 0.1, top: 0.2, width: 0.3, height: 0.4 };
    expect(parse({ ...box, more: 1 })).toEqual(box);
    for (const bad of [null, 3, "x", {}, { ...box, left: -0.1 }, { ...box, width: 0 }, { ...box, top: 0.7 }]) {
      expect(parse(bad)).toBeNull();
    }
    expect(parse({ ...box, left: Number.NaN })).toBeNull();
    expect(parse({ ...box, left: "0.1" })).toBeNull();
  });
});
