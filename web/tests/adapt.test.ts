/** The page adapts as the Python original does, to the same numbers: tests/golden/adapt.json. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { adapted, check, enough, isBetter, type OwnPhoto, wilson } from "../src/personal/check";
import { type Head, probabilitiesOf } from "../src/personal/head";
import { varied } from "../src/personal/varying";

interface Picture {
  readonly height: number;
  readonly width: number;
  readonly rgb: readonly number[];
}

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly weight: readonly (readonly number[])[];
    readonly bias: readonly number[];
    readonly temperature: number;
    readonly photos: readonly {
      readonly label: number;
      readonly turn: number;
      readonly features: readonly (readonly number[])[];
    }[];
    readonly expected: {
      readonly before: { readonly right: number; readonly loss: number };
      readonly after: { readonly right: number; readonly loss: number };
      readonly better: boolean;
      readonly gained: number;
      readonly lost: number;
      readonly pull: number;
      readonly weight: readonly (readonly number[])[];
      readonly bias: readonly number[];
    };
  }[];
  readonly picture: { readonly shown: Picture; readonly varied: readonly Picture[] };
}

const golden = JSON.parse(readFileSync(new URL("../../tests/golden/adapt.json", import.meta.url), "utf8")) as Golden;

describe.each(golden.cases.map((each) => [each.name, each] as const))("as Python does: %s", (_, given) => {
  const head: Head = {
    classes: given.bias.length,
    size: given.weight[0]?.length ?? 0,
    weight: Float32Array.from(given.weight.flat()),
    bias: Float32Array.from(given.bias),
    temperature: given.temperature,
  };
  const photos: OwnPhoto[] = given.photos.map(({ label, turn, features }) => ({
    label,
    turn,
    features: features.map((row) => Float32Array.from(row)),
  }));
  const { expected } = given;

  it("judges alike", () => {
    const seen: number[] = [];
    const checked = check(head, photos, (done, total) => seen.push(done / total));
    expect(checked.pull).toBe(expected.pull);
    expect(checked.before.right).toBe(expected.before.right);
    expect(checked.after.right).toBe(expected.after.right);
    expect(checked.before.loss).toBeCloseTo(expected.before.loss, 5);
    expect(checked.after.loss).toBeCloseTo(expected.after.loss, 4);
    expect(isBetter(checked)).toBe(expected.better);
    expect([checked.gained, checked.lost]).toEqual([expected.gained, expected.lost]);
    expect(seen.at(-1)).toBe(1);
  });

  it("learns the same layer", () => {
    const found = adapted(head, photos, expected.pull);
    expect(apart(found.weight, expected.weight.flat())).toBeLessThan(1e-6);
    expect(apart(found.bias, expected.bias)).toBeLessThan(1e-6);
    expect(apart(found.weight, [...head.weight])).toBeGreaterThan(1e-3);
    expect(found.temperature).toBe(head.temperature);
  });
});

function apart(found: ArrayLike<number>, wanted: readonly number[]): number {
  expect(found.length).toBe(wanted.length);
  return Math.max(...wanted.map((each, at) => Math.abs(each - (found[at] as number))));
}

it("varies a photo to the same pixels", () => {
  const { shown, varied: wanted } = golden.picture;
  const found = varied({ ...shown, rgb: Uint8Array.from(shown.rgb) });
  expect(found.map(({ height, width, rgb }) => ({ height, width, rgb: [...rgb] }))).toEqual(wanted);
});

it("a layer's probabilities are a softmax with its temperature", () => {
  const head = {
    classes: 2,
    size: 2,
    weight: Float32Array.of(1, 0, 0, 1),
    bias: Float32Array.of(0, 1),
    temperature: 2,
  };
  const [first, second] = probabilitiesOf(head, [4, 1]) as unknown as [number, number];
  expect(first / second).toBeCloseTo(Math.exp((4 - 2) / 2), 5);
  expect(first + second).toBeCloseTo(1, 6);
});

it("an interval after Wilson", () => {
  expect(wilson(9, 10).map((each) => Number(each.toFixed(4)))).toEqual([0.5958, 0.9821]);
  expect(wilson(10, 10)[1]).toBeCloseTo(1, 12);
  expect(wilson(0, 10)[0]).toBe(0);
});

it("needs ten photos to hold back, of two letters", () => {
  const photo = (label: number): OwnPhoto => ({ label, turn: 0, features: [] });
  const some = (...labels: number[]) => labels.map(photo);
  expect(enough(some(0, 0, 0, 0, 0, 1, 1, 1, 1, 1))).toBe(true);
  expect(enough(some(0, 0, 0, 0, 0, 1, 1, 1, 1))).toBe(false);
  expect(enough(some(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))).toBe(false);
  expect(enough(some(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3))).toBe(true);
});
