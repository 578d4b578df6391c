import { describe, expect, it } from "vitest";
import { hardest, parseCard, percent, weaknesses } from "../src/card/card";
import { settingsFor } from "../src/spelling/settings";

const CARD = {
  labels: ["A", "B", "J"],
  preprocess: { upright: true },
  scores: [
    { source: "easy", accuracy: 0.9, recall_by_label: { A: 0.95, B: 0.85, J: null } },
    { source: "unmeasured", accuracy: null },
    { source: "hard", accuracy: 0.4, photos: 30, interval: [0.3, 0.5], recall_by_label: { A: 0, B: 0.9 } },
  ],
  data: { folder: "mine", who_signs: "one person", also_learnt: [{ folder: "rendered" }] },
  limits: ["one", 2, "three"],
};

describe("the card", () => {
  it("puts the hardest source first and the unmeasured last", () => {
    const card = parseCard(CARD);
    expect(card.scores.map(({ source }) => source)).toEqual(["hard", "easy", "unmeasured"]);
    expect(hardest(card)?.source).toBe("hard");
    expect(hardest(card)?.interval).toEqual([0.3, 0.5]);
    expect(card.limits).toEqual(["one", "three"]);
    expect(card.learntFrom).toEqual(["mine", "rendered"]);
    expect(card.whoSigns).toBe("one person");
  });

  it("never makes a 0 of what was not measured", () => {
    const card = parseCard({ labels: ["A"], scores: [{ recall_by_label: { A: null } }] });
    expect(card.scores[0]).toMatchObject({ accuracy: null, photos: null, interval: null, source: "unnamed" });
    expect(hardest(card)).toBeNull();
    expect(weaknesses(card)).toEqual([{ label: "A", recall: null, source: "" }]);
    expect(percent(null)).toBe("not measured");
    expect(percent(0)).toBe("0%");
    expect(card.parameters).toBeNull();
  });

  it("names each letter's worst source, the weakest letter first", () => {
    expect(weaknesses(parseCard(CARD))).toEqual([
      { label: "A", recall: 0, source: "hard" },
      { label: "B", recall: 0.85, source: "easy" },
      { label: "J", recall: null, source: "" },
    ]);
  });

  it("is refused where it names no labels", () => {
    for (const bad of [null, 3, [], {}, { labels: [1, 2] }]) expect(() => parseCard(bad)).toThrow("labels");
  });

  it("turns photos upright unless it says otherwise", () => {
    expect(parseCard({ labels: ["A"] }).upright).toBe(true);
    expect(parseCard({ labels: ["A"], preprocess: { upright: false } }).upright).toBe(false);
  });

  it("tells how far each letter can be relied on, and from where on an answer is sure", () => {
    const card = parseCard({
      labels: ["A", "B"],
      reliability: { A: "good", B: "weak", C: "splendid" },
      reliability_from: ["desk", 3],
      calibration: { answer_from: 0.61 },
      not_for: ["judging"],
      data: { sources: [{ name: "rooms", where_from: "there", licence: "Apache-2.0", photos: 5800, people: 1 }] },
    });
    expect([...card.reliability]).toEqual([
      ["A", "good"],
      ["B", "weak"],
    ]);
    expect(card.reliabilityFrom).toEqual(["desk"]);
    expect(card.sureFrom).toBe(0.61);
    expect(card.notFor).toEqual(["judging"]);
    expect(card.sources).toEqual([
      { name: "rooms", whereFrom: "there", licence: "Apache-2.0", photos: 5800, people: "1" },
    ]);
  });

  it("is sure of nothing special where the card says nothing, or nonsense", () => {
    for (const calibration of [undefined, {}, { answer_from: null }, { answer_from: 2 }, { answer_from: "0.5" }]) {
      const card = parseCard({ labels: ["A"], calibration });
      expect(card.sureFrom).toBeNull();
      expect(card.reliability.size).toBe(0);
      expect(settingsFor(card.sureFrom)).toEqual({});
    }
  });

  it("asks of a letter what the card calls sure, within what the speller can do", () => {
    expect(settingsFor(0.61)).toEqual({ certain: 0.61 });
    expect(settingsFor(0)).toEqual({ certain: 0.05 });
    expect(settingsFor(1)).toEqual({ certain: 0.99 });
  });
});
