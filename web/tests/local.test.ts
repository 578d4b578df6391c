/** Which of a worker's two answers counts, while it is found out which hand signs. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LocalRecogniser } from "../src/recognition/local";
import type { FromWorker, ToWorker } from "../src/recognition/messages";
import type { Hand } from "../src/recognition/types";

const [SURE, UNSURE] = [
  [0.9, 0.1],
  [0.3, 0.7],
];

/** A worker that is always surer of the mirror image. */
class MirrorWorker {
  onmessage: ((event: { data: FromWorker }) => void) | null = null;

  postMessage(message: ToWorker): void {
    const answer = (data: FromWorker) => queueMicrotask(() => this.onmessage?.({ data }));
    if (message.type === "load") {
      answer({ type: "ready", warmUp: 1, finderProblem: null });
      return;
    }
    if (message.type !== "frame") return;
    const probabilities = Float32Array.from(message.hand === "left" ? SURE : UNSURE);
    const mirrored = message.hand === "auto" ? Float32Array.from(SURE) : null;
    answer({ type: "reading", id: message.id, probabilities, mirrored, milliseconds: 1, movement: null, found: null });
  }

  terminate(): void {}
}

beforeEach(() => {
  vi.stubGlobal("Worker", MirrorWorker);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

async function started(): Promise<(seconds: number, hand: Hand) => Promise<[string | null, number]>> {
  const local = new LocalRecogniser(["A", "nothing"], new URL("http://example.org/ort/"), () => {});
  await local.start(new ArrayBuffer(0), null);
  return async (seconds, hand) => {
    const shot = { seconds, width: 1, height: 1, rgba: new Uint8ClampedArray(4), whole: false };
    const reading = await local.read(shot, hand);
    return [reading.hand, Number((reading.probabilities[0] as number).toFixed(3))];
  };
}

it("a hand that was told is believed", async () => {
  const read = await started();
  for (let frame = 0; frame < 60; frame += 1) {
    expect(await read(frame / 10, "right")).toEqual(["right", 0.3]);
    expect(await read(frame / 10, "left")).toEqual(["left", 0.9]);
  }
});

it("the mirrored answer counts once a left hand is expected, and until somebody says otherwise", async () => {
  const read = await started();
  expect(await read(0, "auto")).toEqual(["right", 0.3]);
  let frame = 1;
  while ((await read(frame / 10, "auto"))[0] === "right") frame += 1;
  expect(frame).toBeGreaterThan(10);
  expect(frame).toBeLessThan(40);
  expect(await read(frame / 10 + 0.1, "auto")).toEqual(["left", 0.9]);
  expect(await read(frame / 10 + 60, "auto")).toEqual(["left", 0.9]); // the camera was off
  expect(await read(frame / 10 + 61, "right")).toEqual(["right", 0.3]);
  expect(await read(frame / 10 + 61.1, "auto")).toEqual(["right", 0.3]); // begins anew
});

it("one frame after a pause decides nothing", async () => {
  const read = await started();
  await read(0, "auto");
  expect(await read(100, "auto")).toEqual(["right", 0.3]);
  expect(await read(100.1, "auto")).toEqual(["right", 0.3]);
});
