/** What the recogniser is bad at, where that was measured, and who signs in its photos: all from its card. */

import { type Card, hardest, LOW_RECALL, type Mark, percent, type Score, weaknesses } from "../card/card";
import { fill, h } from "../dom";
import { named } from "./signs";

export class AboutView {
  readonly element: HTMLElement;
  readonly #content = h("div", { class: "about" });

  constructor() {
    this.element = h(
      "section",
      { class: "card", "aria-labelledby": "about-title" },
      h("h2", { id: "about-title" }, "What it is bad at"),
      this.#content,
    );
    fill(this.#content, h("p", {}, "The recogniser’s card has not come yet."));
  }

  show(card: Card | null): void {
    if (card === null) {
      fill(this.#content, h("p", {}, "The recogniser’s card cannot be read: nothing is known about how good it is."));
      return;
    }
    const left = h("div", { class: "about-part" });
    const right = h("div", { class: "about-part" });
    fill(left, headline(card), weak(card), reliable(card), moving(card), limits(card));
    fill(right, sources(card), facts(card));
    fill(this.#content, left, right);
  }
}

/** Letters that are often missed, with words for how often. */
export function weakLetters(card: Card | null): Map<string, string> {
  const low = card === null ? [] : weaknesses(card).filter(({ recall }) => recall !== null && recall < LOW_RECALL);
  return new Map(
    low.map(({ label, recall, source }) => [
      label,
      `This recogniser often misses ${named(label)}: ${percent(recall)} of its photos were recognised in “${source}”. It may not be you.`,
    ]),
  );
}

function headline(card: Card): HTMLElement {
  const score = hardest(card);
  if (score === null)
    return h("p", { class: "lead", id: "hardest" }, "How often it is right was not measured. Trust it with nothing.");
  return h(
    "div",
    { class: "lead", id: "hardest" },
    h("p", { class: "figure" }, percent(score.accuracy)),
    h(
      "p",
      {},
      h("strong", {}, `of the signs were recognised in its hardest test, “${score.source}”`),
      interval(score),
      ". ",
      score.whereFrom,
    ),
  );
}

function interval({ interval: range, photos }: Score): string {
  const sure = range === null ? "" : `95% sure: ${percent(range[0])} to ${percent(range[1])}`;
  const of = photos === null ? "" : `${photos.toLocaleString("en")} photos`;
  const words = [of, sure].filter((each) => each !== "").join("; ");
  return words === "" ? "" : ` (${words})`;
}

function weak(card: Card): HTMLElement {
  const all = weaknesses(card);
  const low = all.filter(({ recall }) => recall !== null && recall < LOW_RECALL);
  const unmeasured = all.filter(({ recall }) => recall === null).map(({ label }) => named(label));
  const chips = low.map(({ label, recall, source }) =>
    h(
      "li",
      { class: "chip warn", "data-label": label, title: source },
      h("strong", {}, named(label)),
      ` ${percent(recall)} `,
      h("span", {}, source),
    ),
  );
  return h(
    "section",
    {},
    h("h3", {}, "Signs it often misses"),
    chips.length > 0
      ? h("p", {}, "Recognised in fewer than half of their photos in at least one test; the worst test is named.")
      : h(
          "p",
          {},
          card.scores.length === 0 ? "Not measured." : "None fell below half of its photos in the tests below.",
        ),
    chips.length > 0 ? h("ul", { class: "chips", id: "weak" }, ...chips) : null,
    unmeasured.length > 0 && card.scores.length > 0
      ? h("p", {}, `Not measured in any test: ${unmeasured.join(", ")}.`)
      : null,
    card.labelsAbsent.length > 0 ? h("p", {}, `Never learnt: ${card.labelsAbsent.map(named).join(", ")}.`) : null,
  );
}

const MARK_WORDS: readonly (readonly [Mark, string])[] = [
  ["good", "Reliable"],
  ["fair", "Fairly reliable"],
  ["weak", "Weak"],
  ["unknown", "Not measured"],
];

function reliable(card: Card): HTMLElement | null {
  if (card.reliability.size === 0) return null;
  const rows = MARK_WORDS.map(([mark, words]) => {
    const own = card.labels.filter((label) => card.reliability.get(label) === mark).map(named);
    return own.length === 0 ? [] : [h("dt", {}, words), h("dd", { "data-mark": mark }, own.join(", "))];
  });
  const from = card.reliabilityFrom.length === 0 ? "" : ` From ${card.reliabilityFrom.join(" and ")}.`;
  return h(
    "section",
    {},
    h("h3", {}, "How far each sign can be relied on"),
    h("dl", { class: "facts", id: "reliability" }, ...rows.flat()),
    h(
      "p",
      { class: "note" },
      `Reliable: at least 80% of its photos are recognised, fairly reliable: 60%, each with 95% certainty. ` +
        `J and Z were tested in still photos, which say little about signing them.${from}`,
    ),
  );
}

function moving(card: Card): HTMLElement | null {
  if (!card.labels.some((label) => label === "J" || label === "Z")) return null;
  return h(
    "section",
    {},
    h("h3", {}, "J and Z are movements"),
    h(
      "p",
      {},
      `${card.motionLetters} While spelling, this page follows the path of the hand: draw J and Z in the air. In a single photo they are a guess.`.trim(),
    ),
  );
}

function sources(card: Card): HTMLElement {
  const rows = card.scores.map((score) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, score.source),
      h("td", { class: "number" }, percent(score.accuracy)),
      h("td", { class: "bar-cell" }, bar(score)),
      h("td", { class: "number" }, score.photos === null ? "not stated" : score.photos.toLocaleString("en")),
    ),
  );
  return h(
    "section",
    {},
    h("h3", {}, "How often it is right, hardest test first"),
    rows.length === 0
      ? h("p", {}, "Not measured.")
      : h(
          "div",
          { class: "scroll", tabindex: 0, role: "region", "aria-label": "Scores by source" },
          h(
            "table",
            { class: "scores", id: "sources" },
            h(
              "thead",
              {},
              h(
                "tr",
                {},
                ...["Photos from", "Right", "", "Photos"].map((each) =>
                  each === "" ? h("td") : h("th", { scope: "col" }, each),
                ),
              ),
            ),
            h("tbody", {}, ...rows),
          ),
        ),
    h(
      "p",
      { class: "note" },
      "The thin line is the 95% interval. Other people, rooms and cameras than these are a new test: expect the hardest, or worse.",
    ),
  );
}

function bar({ accuracy, interval: range }: Score): HTMLElement | null {
  if (accuracy === null) return null;
  const whole = h("span", { class: "bar" }, h("span", {}));
  (whole.firstElementChild as HTMLElement).style.width = `${100 * accuracy}%`;
  if (range !== null) {
    const line = h("span", { class: "range" });
    line.style.left = `${100 * range[0]}%`;
    line.style.width = `${100 * (range[1] - range[0])}%`;
    whole.append(line);
  }
  return whole;
}

function limits(card: Card): HTMLElement | null {
  if (card.limits.length + card.notFor.length === 0) return null;
  const notFor = card.notFor.map((each) => h("li", {}, "Not for: ", each));
  return h(
    "section",
    {},
    h("h3", {}, "Limits"),
    h("ul", { id: "limits" }, ...notFor, ...card.limits.map((each) => h("li", {}, each))),
  );
}

function learnt(card: Card): [string, string][] {
  if (card.sources.length === 0) return [["Learnt from", card.learntFrom.join(", ") || "not stated"]];
  return card.sources.map(({ name, whereFrom, licence, photos, people }) => {
    const count = photos === null ? "" : `${photos.toLocaleString("en")} photos`;
    const who = people === "" ? "" : `people: ${people}`;
    const words = [whereFrom, licence, count, who].filter((each) => each !== "");
    return [`Learnt from ${name}`, words.join("; ")];
  });
}

function facts(card: Card): HTMLElement {
  const known = (words: string) => (words === "" ? "not stated" : words);
  const rows: [string, string][] = [
    ["Meant for", known(card.intendedUse)],
    ["Who signs in its photos", known(card.whoSigns)],
    ...learnt(card),
    ["An answer is sure", card.sureFrom === null ? "not stated" : `from ${percent(card.sureFrom)} on`],
    [
      "Network",
      `${known(card.network)}${card.parameters === null ? "" : `, ${card.parameters.toLocaleString("en")} parameters`}`,
    ],
    ["Made", known(card.made.slice(0, 10))],
    ["Licence", known(card.licence)],
  ];
  return h(
    "section",
    {},
    h("h3", {}, "About this recogniser and this page"),
    h(
      "dl",
      { class: "facts", id: "facts" },
      ...rows.flatMap(([name, words]) => [h("dt", {}, name), h("dd", {}, words)]),
    ),
    h(
      "p",
      { class: "note" },
      "The pictures of the signs were rendered by this project. Recognition inside the page runs on ONNX Runtime Web by Microsoft (",
      h("a", { href: "./ort/LICENSE.txt" }, "licence"),
      ", ",
      h("a", { href: "./ort/ThirdPartyNotices.txt" }, "notices"),
      "). Your choices and your practice score are kept in this browser only.",
    ),
  );
}
