/** The chooser decides as the Python original did, at the same frames: tests/golden/hand.json. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { HandChooser } from "../src/recognition/hand";

interface Golden {
  readonly streams: readonly {
    readonly name: string;
    readonly labels: readonly string[];
    /** How many frames, the seconds before each, and the probabilities of each and of its mirror image. */
    readonly frames: readonly (readonly [number, number, readonly number[], readonly number[]])[];
    /** The hand that is expected from such a frame on. */
    readonly hands: readonly (readonly [number, string])[];
  }[];
}

const golden = JSON.parse(readFileSync(new URL("../../tests/golden/hand.json", import.meta.url), "utf8")) as Golden;

it.each(golden.streams.map((each) => [each.name, each] as const))("decides as Python does: %s", (_, stream) => {
  const chooser = new HandChooser(stream.labels);
  const hands: [number, string][] = [];
  let number = 0;
  for (const [count, elapsed, plain, mirrored] of stream.frames) {
    for (let each = 0; each < count; each += 1, number += 1) {
      chooser.step(elapsed, Float32Array.from(plain), Float32Array.from(mirrored));
      if (hands.at(-1)?.[1] !== chooser.hand) hands.push([number, chooser.hand]);
      expect(chooser.mirrored).toBe(chooser.hand === "left");
    }
  }
  expect(hands).toEqual(stream.hands);
});

it("expects a right hand at first, and takes an answer before the first pause for what it is worth: nothing", () => {
  const chooser = new HandChooser(["A", "nothing"]);
  expect(chooser.hand).toBe("right");
  chooser.step(0, [0.01, 0.99], [1, 0]);
  expect(chooser.hand).toBe("right");
});
