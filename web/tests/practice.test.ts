import { describe, expect, it } from "vitest";
import { failing, NONE, type Progress, parseProgress, totals, withLetter, withWord } from "../src/practice/progress";
import { Session } from "../src/practice/session";
import { lettersOf, wordsOf } from "../src/practice/words";

const FIRST = () => 0;

describe("a session", () => {
  it("counts a letter as right when the first sign was it", () => {
    const session = new Session("letters", ["A", "B", "nothing"], NONE, 10, FIRST);
    expect(session.letter).toBe("A");
    expect(session.written("A", 12.5)).toBe("done");
    expect(session.progress.letters).toEqual({ A: { asked: 1, right: 1, seconds: 2.5 } });
    expect(session.letter).toBe("B");
  });

  it("lets one try again, and does not count that as right", () => {
    const session = new Session("letters", ["A", "B"], NONE, 0, FIRST);
    expect(session.written("B", 1)).toBe("wrong");
    expect(session.letter).toBe("A");
    expect(session.written("A", 2)).toBe("done");
    expect(session.progress.letters).toEqual({ A: { asked: 1, right: 0, seconds: 0 } });
  });

  it("takes a mistake back that was none: an I that became a J", () => {
    const session = new Session("letters", ["J", "A"], NONE, 0, FIRST);
    expect(session.written("I", 1)).toBe("wrong");
    expect(session.revised("J", 2)).toBe("done");
    expect(session.progress.letters.J).toEqual({ asked: 1, right: 1, seconds: 2 });
  });

  it("does not take back an earlier mistake with it", () => {
    const session = new Session("letters", ["J", "A"], NONE, 0, FIRST);
    session.written("A", 1);
    session.written("I", 2);
    session.revised("J", 3);
    expect(session.progress.letters.J).toEqual({ asked: 1, right: 0, seconds: 0 });
  });

  it("asks for a word letter by letter, double letters too", () => {
    const session = new Session("words", ["A", "B", "L"], NONE, 0, FIRST);
    expect(session.asked).toEqual({ text: "BALL", at: 0 });
    expect(["B", "A", "L"].map((letter, at) => session.written(letter, at + 1))).toEqual(["right", "right", "right"]);
    expect(session.asked.at).toBe(3);
    expect(session.written("L", 4)).toBe("done");
    expect(session.progress.words).toEqual({ asked: 1, right: 1 });
    expect(session.progress.letters.L).toEqual({ asked: 2, right: 2, seconds: 2 });
  });

  it("counts a word with a miss as asked only", () => {
    const session = new Session("words", ["A", "B", "L"], NONE, 0, FIRST);
    session.skip(1);
    for (const letter of "ALL") session.written(letter, 2);
    expect(session.progress.words).toEqual({ asked: 1, right: 0 });
    for (const letter of "BALL") session.written(letter, 3);
    expect(session.progress.words).toEqual({ asked: 2, right: 1 });
  });

  it("asks for nothing where the recogniser knows nothing", () => {
    expect(new Session("letters", ["nothing", "space"], NONE, 0, FIRST).letter).toBe("");
    expect(new Session("words", ["A"], NONE, 0, FIRST).letter).toBe("");
  });

  it("counts time from when it is looked at", () => {
    const session = new Session("letters", ["A"], NONE, 0, FIRST);
    session.restartClock(100);
    session.written("A", 101);
    expect(session.progress.letters.A?.seconds).toBe(1);
  });

  it("asks more often for what fails, and never the same twice running", () => {
    const missed = withLetter(NONE, "B", false, 0);
    const draws = Array.from({ length: 40 }, (_, index) => {
      const session = new Session("letters", ["A", "B", "C"], missed, 0, () => index / 40);
      return session.letter;
    });
    expect(draws.filter((each) => each === "B").length).toBeGreaterThan(20);
    const session = new Session("letters", ["A", "B"], NONE, 0, () => 0.999);
    const [first] = [session.letter];
    session.skip(1);
    expect(session.letter).not.toBe(first);
  });
});

describe("progress", () => {
  it("is added up, and what fails is named, the worst first", () => {
    let progress: Progress = NONE;
    for (const [letter, right] of [
      ["A", true],
      ["B", false],
      ["C", false],
      ["C", true],
    ] as const) {
      progress = withLetter(progress, letter, right, 3);
    }
    expect(totals(progress)).toEqual({ asked: 4, right: 2, seconds: 3 });
    expect(failing(progress).map(({ letter }) => letter)).toEqual(["B", "C"]);
    expect(totals(NONE)).toEqual({ asked: 0, right: 0, seconds: null });
  });

  it("survives being kept, and damage counts as nothing practised", () => {
    const progress = withWord(withLetter(NONE, "A", true, 1), true);
    expect(parseProgress(JSON.parse(JSON.stringify(progress)))).toEqual(progress);
    for (const bad of [null, 3, "x", { letters: { A: { asked: 1, right: 2, seconds: 0 } }, words: { asked: -1 } }]) {
      expect(parseProgress(bad)).toEqual(NONE);
    }
  });
});

it("words are spelled with what the recogniser knows", () => {
  expect(wordsOf(["A", "B", "L", "nothing"])).toEqual(["BALL"]);
  expect(wordsOf([..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"]).length).toBeGreaterThan(50);
  expect(lettersOf(["A", "nothing", "space", "del"])).toEqual(["A"]);
});
