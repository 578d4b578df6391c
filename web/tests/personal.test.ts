/** A person's own layer: found in the model, taken in rounds, kept as a file, and only for its own recogniser. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { readHead } from "../src/personal/head";
import { asJson, type Base, digestOf, headOf, type Own, parseOwn } from "../src/personal/own";
import { askable, Session } from "../src/personal/session";
import { readWeights } from "../src/personal/weights";
import { LocalRecogniser } from "../src/recognition/local";
import type { FromWorker, ToWorker } from "../src/recognition/messages";

/** One field of a Protocol Buffers message. */
function field(number: number, value: number | Uint8Array): number[] {
  return typeof value === "number"
    ? [...varint(number * 8), ...varint(value)]
    : [...varint(number * 8 + 2), ...varint(value.length), ...value];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function tensor(name: string, shape: number[], values: number[], kind = 1): number[] {
  const raw = new Uint8Array(Float32Array.from(values).buffer);
  return field(
    5,
    Uint8Array.from([
      ...shape.flatMap((side) => field(1, side)),
      ...field(2, kind),
      ...field(8, new TextEncoder().encode(name)),
      ...field(9, raw),
    ]),
  );
}

function model(...tensors: number[][]): Uint8Array {
  return Uint8Array.from([...field(1, 10), ...field(7, Uint8Array.from(tensors.flat()))]);
}

const WEIGHT = [1, 2, 3, -4, 5.5, 6];

describe("weights in a model", () => {
  const whole = model(
    tensor("other", [1], [9]),
    tensor("head.weight", [2, 3], WEIGHT),
    tensor("head.bias", [2], [7, 8]),
  );

  it("are found by name", () => {
    expect(readWeights(whole, "head.weight")).toEqual({ shape: [2, 3], values: Float32Array.from(WEIGHT) });
    expect(readWeights(whole, "head")).toBeNull();
    const head = readHead(whole, 0.5);
    expect([head?.classes, head?.size, head?.temperature, head?.bias[1]]).toEqual([2, 3, 0.5, 8]);
  });

  it("are none where they are not whole, of another kind, or do not fit", () => {
    expect(readWeights(model(tensor("w", [7], WEIGHT)), "w")).toBeNull();
    expect(readWeights(model(tensor("w", [6], WEIGHT, 7)), "w")).toBeNull();
    expect(readHead(model(tensor("head.weight", [2, 3], WEIGHT)), 1)).toBeNull();
    expect(readHead(model(tensor("head.weight", [2, 3], WEIGHT), tensor("head.bias", [1], [1])), 1)).toBeNull();
    expect(readHead(whole, 0)).toBeNull();
  });

  it("a file that is no model is an error", () => {
    expect(() => readWeights(whole.subarray(0, whole.length - 3), "x")).toThrow("cut short");
    expect(() => readWeights(Uint8Array.of(3, 3, 3), "x")).toThrow("not ONNX");
  });

  it("long numbers are read whole", () => {
    const far = model(tensor("w", [2 ** 33], [1]));
    expect(readWeights(far, "w")).toBeNull(); // cut to 32 bits, its shape would be 0
  });
});

const LABELS = ["A", "B", "J", "nothing", "space"];
const BASE: Base = {
  digest: "d".repeat(64),
  labels: LABELS,
  head: {
    classes: 5,
    size: 2,
    weight: new Float32Array(10),
    bias: new Float32Array(5),
    temperature: 2,
  },
};
const OWN: Own = {
  digest: BASE.digest,
  made: "2026-01-01T00:00:00Z",
  photos: { A: 5, space: 3 },
  before: { photos: 8, right: 4, loss: 1 },
  after: { photos: 8, right: 7, loss: 0.25 },
  weight: Float32Array.from({ length: 10 }, (_, index) => index / 3),
  bias: Float32Array.from([1, 2, 3, 4, 5]),
};

describe("a layer as a file", () => {
  const file = () => JSON.parse(asJson(OWN, LABELS)) as Record<string, unknown>;

  it("comes back as it was", () => {
    expect(parseOwn(file(), BASE)).toEqual(OWN);
    expect(headOf(parseOwn(file(), BASE), BASE)).toEqual({ ...BASE.head, weight: OWN.weight, bias: OWN.bias });
  });

  it.each([
    ["another recogniser’s", { digest: "e".repeat(64) }, "another recogniser"],
    ["of another kind", { format: "fingerspell-bundle/2" }, "does not hold"],
    ["too short", { weight: [1, 2] }, "damaged"],
    ["no numbers", { bias: [1, 2, 3, 4, "5"] }, "damaged"],
    ["too large for its numbers", { bias: [1, 2, 3, 4, 1e300] }, "damaged"],
    ["without a check", { after: null }, "how it was checked"],
    ["more right than photos", { after: { photos: 3, right: 4 } }, "how it was checked"],
  ])("%s is refused", (_, change, words) => {
    expect(() => parseOwn({ ...file(), ...change }, BASE)).toThrow(words);
  });

  it("anything else is refused", () => {
    for (const value of [null, 3, "x", [], {}]) expect(() => parseOwn(value, BASE)).toThrow();
  });

  it("foreign labels and counts are left out", () => {
    expect(parseOwn({ ...file(), photos: { A: 2, Q: 3, B: -1, space: "4" } }, BASE).photos).toEqual({ A: 2 });
  });

  it("a model's digest", async () => {
    expect(await digestOf(new TextEncoder().encode("abc").buffer)).toMatch(/^ba7816bf8f01cfea/);
  });
});

describe("taking photos in rounds", () => {
  const features = [Float32Array.of(1)];

  it("asks for every sign that stays still, round after round", () => {
    expect(askable(LABELS)).toEqual(["A", "B", "space"]);
    const session = new Session(LABELS, 2);
    const asked: string[] = [];
    while (!session.over) {
      asked.push(`${session.round}.${session.place} ${session.asked}`);
      session.take(features);
    }
    expect(asked).toEqual(["1.1 A", "1.2 B", "1.3 space", "2.1 A", "2.2 B", "2.3 space"]);
    expect([session.asked, session.count, session.counts]).toEqual(["", 6, { A: 2, B: 2, space: 2 }]);
    session.take(features);
    session.skip();
    expect(session.count).toBe(6);
  });

  it("skips, and takes back what was taken, not what was skipped", () => {
    const session = new Session(LABELS);
    session.undo();
    session.take(features);
    session.skip();
    expect(session.asked).toBe("space");
    session.undo();
    expect([session.asked, session.count]).toEqual(["A", 0]);
  });

  it("holds a letter's photos back in different turns, and its only one never", () => {
    const session = new Session(LABELS, 7);
    for (let round = 0; round < 7; round += 1) {
      session.take(features); // A
      if (round === 3) session.take(features);
      else session.skip(); // B
      if (round === 0 || round === 5) session.take(features);
      else session.skip(); // space, in rounds that would be the same turn
    }
    const turns = (label: number) => session.photos.filter((each) => each.label === label).map(({ turn }) => turn);
    expect(turns(0)).toEqual([0, 1, 2, 3, 4, 0, 1]);
    expect(turns(1)).toEqual([-1]);
    expect(turns(4)).toEqual([0, 1]);
    expect(session.enough).toBe(false);
  });
});

describe("the recogniser in the page", () => {
  const sent: ToWorker[] = [];

  class FeatureWorker {
    onmessage: ((event: { data: FromWorker }) => void) | null = null;
    postMessage(message: ToWorker): void {
      sent.push(message);
      const answer = (data: FromWorker) => queueMicrotask(() => this.onmessage?.({ data }));
      if (message.type === "load") answer({ type: "ready", warmUp: 1, finderProblem: null });
      if (message.type !== "features") return;
      const found = message.find ? { left: 0, top: 0, width: 1, height: 1 } : null;
      if (message.hand === "left") answer({ type: "problem", id: message.id, reason: "no output named features" });
      else answer({ type: "features", id: message.id, features: [Float32Array.of(1, 2)], found });
    }
    terminate(): void {}
  }

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("gives features, and answers with another layer", async () => {
    vi.stubGlobal("Worker", FeatureWorker);
    const local = new LocalRecogniser(["A"], new URL("http://example.org/ort/"), () => {});
    const picture = (whole = false) => ({ width: 1, height: 1, rgba: new Uint8ClampedArray(4), seconds: 0, whole });
    await expect(local.features(picture(), "right")).rejects.toThrow("not ready");
    await local.start(new ArrayBuffer(0), null);
    expect(await local.features(picture(), "right")).toMatchObject({ features: [Float32Array.of(1, 2)], found: null });
    expect((await local.features(picture(true), "right")).found).not.toBeNull();
    await expect(local.features(picture(), "left")).rejects.toThrow("no output");
    local.answerWith(BASE.head);
    expect(sent.at(-1)).toEqual({ type: "head", head: BASE.head });
  });
});
