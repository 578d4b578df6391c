import { describe, expect, it } from "vitest";
import { Backoff } from "../src/recognition/backoff";
import { Latency } from "../src/recognition/latency";
import { flipped, ranked, withoutAlpha } from "../src/recognition/types";

describe("latency", () => {
  it("has no quantile before the first answer", () => {
    expect(new Latency().quantile(0.5)).toBeNull();
  });

  it("gives the value that a share of the answers does not exceed", () => {
    const latency = new Latency();
    for (let each = 100; each >= 1; each -= 1) latency.add(each);
    expect(latency.quantile(0.5)).toBe(50);
    expect(latency.quantile(0.95)).toBe(95);
    expect(latency.quantile(1)).toBe(100);
    expect(latency.quantile(0)).toBe(1);
  });

  it("counts only the last ones", () => {
    const latency = new Latency(3);
    for (const each of [1000, 1000, 1, 2, 3]) latency.add(each);
    expect(latency.quantile(1)).toBe(3);
    expect(latency.answered).toBe(5);
    latency.clear();
    expect([latency.quantile(1), latency.answered, latency.dropped]).toEqual([null, 0, 0]);
  });
});

describe("pictures", () => {
  const rgba = new Uint8ClampedArray([1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255, 10, 11, 12, 255]);

  it("lose their alpha and nothing else", () => {
    expect([...withoutAlpha(rgba)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it("are mirrored left to right", () => {
    const turned = flipped({ width: 2, height: 2, rgba });
    expect([...turned.rgba]).toEqual([4, 5, 6, 255, 1, 2, 3, 255, 10, 11, 12, 255, 7, 8, 9, 255]);
  });
});

it("labels are ranked, equal ones in their own order", () => {
  expect(ranked(["A", "B", "C"], [0.2, 0.6, 0.2]).map(({ label }) => label)).toEqual(["B", "A", "C"]);
});

it("attempts are made ever more rarely, and quickly again after a success", () => {
  const backoff = new Backoff();
  expect(Array.from({ length: 7 }, () => backoff.next())).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
  backoff.reset();
  expect(backoff.next()).toBe(500);
});
