/** Words for an unfinished one: as Python's Dictionary.complete names them. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Speller } from "../src/spelling/speller";
import { type Doubt, parseWords, unfinished, WordList } from "../src/words/words";

const shipped = JSON.parse(readFileSync(new URL("../public/words.json", import.meta.url), "utf8")) as unknown;
const list = parseWords(shipped);

function doubt(chances: Readonly<Record<string, number>>): Doubt {
  const candidates = Object.entries(chances);
  const [label, certainty] = candidates[0] as [string, number];
  return { label, certainty, candidates };
}

describe("the list that is shipped", () => {
  it("is in capitals, most frequent first, none twice", () => {
    expect(list.words).toHaveLength(10_000);
    expect(list.words.slice(0, 3)).toEqual(["THE", "YOU", "TO"]);
    expect(new Set(list.words).size).toBe(10_000);
  });

  // the right sides are what Dictionary().complete(letters, 3) gave
  it.each([
    ["T", ["THE", "TO", "THAT"]],
    ["TH", ["THE", "THAT", "THIS"]],
    ["BA", ["BACK", "BAD", "BABY"]],
    ["B", ["BE", "BUT", "BEEN"]],
    ["Q", ["QUITE", "QUESTION", "QUESTIONS"]],
    ["XQZ", []],
  ])("completes %s", (letters, words) => {
    expect(list.complete(letters)).toEqual(words);
  });

  it.each([
    ["BAL", { L: 0.5, B: 0.3, nothing: 0.1, A: 0.06, Y: 0.02 }, ["BABY", "BALL", "BALLS"]],
    ["TH", { H: 0.45, O: 0.4, A: 0.08, E: 0.04, nothing: 0.02 }, ["THE", "THAT", "THIS"]],
    ["CAM", { M: 0.55, N: 0.4, S: 0.03, T: 0.01, A: 0.005 }, ["CANT", "CAME", "CANNOT"]],
    ["WHA", { A: 0.979, E: 0.02 }, ["WHAT", "WHATS", "WHATEVER"]],
    ["P", { P: 0.738, G: 0.134, D: 0.107, L: 0.021 }, ["PEOPLE", "PUT", "GET"]],
    ["WHA", { A: 0.97, E: 0.3 }, ["WHAT", "WHATS", "WHEN"]],
    ["WHA", { A: 0.7, E: 0.3 }, ["WHAT", "WHATS", "WHEN"]],
    ["WHA", { A: 0.985, E: 0.3 }, ["WHAT", "WHATS", "WHATEVER"]],
  ])("completes %s where its last letter is %o", (letters, chances, words) => {
    expect(list.complete(letters, doubt(chances))).toEqual(words);
  });
});

describe("completing", () => {
  const few = new WordList(["AB", "ABC", "ABD", "AC", "ACE"], [-30, -40, -40, -45, -45]);

  it("leaves the word itself out, and gives no more than asked for", () => {
    expect(few.complete("AB")).toEqual(["ABC", "ABD"]);
    expect(few.complete("A", null, 2)).toEqual(["AB", "ABC"]);
    expect(few.complete("ABC")).toEqual([]);
    expect(few.complete("")).toEqual([]);
  });

  it("follows a doubt as far as it is probable", () => {
    expect(few.complete("AB", doubt({ B: 0.6, C: 0.04 }))).toEqual(["ABC", "ABD"]);
    expect(few.complete("AB", doubt({ B: 0.5, C: 0.45 }))).toEqual(["ABC", "ABD", "ACE"]);
    expect(few.complete("AB", doubt({ C: 0.5, B: 0.45 }))).toEqual(["ABC", "ABD"]); // of another letter
  });

  it("takes what was written for the most probable, whatever the candidates say", () => {
    const drawn = { label: "B", certainty: 0.3, candidates: [["C", 0.6] as const, ["B", 0.3] as const] };
    expect(few.complete("AB", drawn)).toEqual(["ABC", "ABD", "ACE"]);
  });
});

it.each([
  ["", ""],
  ["HEL", "HEL"],
  ["GO TO HO", "HO"],
  ["GO ", ""],
  ["A1", ""],
])("the unfinished word of %j is %j", (text, word) => {
  expect(unfinished(text)).toBe(word);
});

it.each([
  ["nothing", null],
  ["no words", { runs: [[1, -30]] }],
  ["other letters", { words: "AB cd", runs: [[2, -30]] }],
  ["no runs", { words: "AB CD" }],
  ["too few", { words: "AB CD", runs: [[1, -30]] }],
  [
    "a run of none",
    {
      words: "AB",
      runs: [
        [0, -30],
        [1, -30],
      ],
    },
  ],
  ["a level that is no number", { words: "AB", runs: [[1, "-30"]] }],
  ["far too many", { words: "AB", runs: [[1e12, -30]] }],
])("refuses a list that is none: %s", (_, value) => {
  expect(() => parseWords(value)).toThrow("it is damaged");
});

describe("a chosen word", () => {
  it("replaces the unfinished one, and one undo takes it back", () => {
    const speller = new Speller(["A", "nothing"]);
    speller.type("GO ");
    speller.type("HO");
    expect(speller.type("HOME ", 2)).toBe("GO HOME ");
    expect(speller.undo()).toBe("GO HO");
    expect(speller.undo()).toBe("GO ");
  });

  it("stays when a letter that was being drawn is finished", () => {
    const labels = ["I", "J", "nothing"];
    const draw = (typed: boolean): string => {
      const speller = new Speller(labels);
      let now = 0;
      const hold = (seconds: number, right = 0, down = 0) => {
        for (const end = now + seconds; now < end; now += 1 / 30) {
          speller.step(now, [0.8, 0.1, 0.1], { right: right / 30, down: down / 30, share: 0.2 });
        }
      };
      hold(0.6);
      if (typed) speller.type("IT ", 1);
      hold(0.3, 0, 1.2);
      hold(0.3, 0.9, -0.5);
      hold(0.5);
      return speller.text;
    };
    expect(draw(false)).toBe("J");
    expect(draw(true)).toBe("IT J");
  });
});
