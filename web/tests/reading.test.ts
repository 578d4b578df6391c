/** One picture at a time, and the newest frame wins. */

import { expect, it } from "vitest";
import type { Frames } from "../src/camera/frames";
import { ReadingLoop } from "../src/reading";
import { Latency } from "../src/recognition/latency";
import type { Recogniser } from "../src/recognition/recogniser";
import type { Reading, Shot } from "../src/recognition/types";

class Bench {
  readonly latency = new Latency();
  readonly looked: number[] = [];
  readonly whole: boolean[] = [];
  readonly taken: number[] = [];
  ready = true;
  finds = false;
  #answers: { resolve(reading: Reading): void; reject(error: Error): void; seconds: number }[] = [];

  readonly loop = new ReadingLoop({
    frames: {
      cut: (_box: unknown, arrived: number): Shot => ({
        seconds: arrived / 1000,
        width: 1,
        height: 1,
        rgba: new Uint8ClampedArray(4),
        whole: false,
      }),
      whole: (arrived: number): Shot => ({
        seconds: arrived / 1000,
        width: 2,
        height: 1,
        rgba: new Uint8ClampedArray(8),
        whole: true,
      }),
    } as unknown as Frames,
    latency: this.latency,
    box: () => ({ left: 0, top: 0, width: 1, height: 1 }),
    finds: () => this.finds,
    hand: () => "right",
    recogniser: () => (this.ready ? this.#recogniser : null),
    take: ({ seconds }) => this.taken.push(seconds),
  });

  readonly #recogniser = {
    read: ({ seconds, whole }: Shot) => {
      this.looked.push(seconds);
      this.whole.push(whole);
      return new Promise<Reading>((resolve, reject) => this.#answers.push({ resolve, reject, seconds }));
    },
  } as unknown as Recogniser;

  async answer(error?: Error): Promise<void> {
    const next = this.#answers.shift();
    if (next === undefined) throw new Error("nobody asked");
    if (error === undefined) {
      next.resolve({
        seconds: next.seconds,
        probabilities: new Float32Array(1),
        milliseconds: 1,
        movement: null,
        hand: null,
        found: null,
      });
    } else next.reject(error);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

it("drops what waits when a newer frame comes, and looks at the newest", async () => {
  const bench = new Bench();
  for (const arrived of [1000, 2000, 3000, 4000]) bench.loop.frame(arrived);
  expect(bench.looked).toEqual([1]);
  expect(bench.latency.dropped).toBe(2);
  await bench.answer();
  expect(bench.looked).toEqual([1, 4]);
  await bench.answer();
  expect(bench.taken).toEqual([1, 4]);
  expect(bench.latency.answered).toBe(2);
  bench.loop.frame(5000);
  expect(bench.looked).toEqual([1, 4, 5]);
});

it("goes on after an answer that never came", async () => {
  const bench = new Bench();
  bench.loop.frame(1000);
  await bench.answer(new Error("lost"));
  expect(bench.taken).toEqual([]);
  expect(bench.latency.answered).toBe(0);
  bench.loop.frame(2000);
  await bench.answer();
  expect(bench.taken).toEqual([2]);
});

it("looks at nothing while there is no recogniser", () => {
  const bench = new Bench();
  bench.ready = false;
  bench.loop.frame(1000);
  bench.ready = true;
  bench.loop.frame(2000);
  expect(bench.looked).toEqual([2]);
});

it("looks at the whole frame where the hand is to be found, from the next frame on", async () => {
  const bench = new Bench();
  bench.loop.frame(1000);
  bench.finds = true;
  bench.loop.frame(2000);
  await bench.answer();
  await bench.answer();
  bench.finds = false;
  bench.loop.frame(3000);
  expect(bench.whole).toEqual([false, true, false]);
});
