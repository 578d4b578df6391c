/** The letter chart: every sign that the recogniser knows, drawn by the project itself. */

import type { Mark } from "../card/card";
import { fill, h } from "../dom";
import { described, named, picture } from "./signs";

const MOVING = ["J", "Z"];

/** A mark's sign and words; the sign is for the eyes, and never the only thing that tells. */
const MARKS: Record<Mark, readonly [string, string]> = {
  good: ["●", "reliable"],
  fair: ["◐", "fairly reliable"],
  weak: ["○", "weak"],
  unknown: ["?", "not measured"],
};

export class ChartView {
  readonly element: HTMLElement;
  readonly #signs = h("ul", { class: "chart" });

  constructor() {
    this.element = h(
      "section",
      { class: "card", "aria-labelledby": "chart-title" },
      h("h2", { id: "chart-title" }, "The signs"),
      h(
        "p",
        {},
        "A right hand, as the one who looks at the signer sees it. J and Z are movements: the arrow shows the way. " +
          "People sign these letters a little differently; learn them from Deaf signers where you can. " +
          "Fingerspelling is a small part of American Sign Language.",
      ),
      this.#signs,
    );
  }

  /**
   * @param weak letters that the recogniser often misses, with words for how often.
   * @param marks how far each letter can be relied on; empty where that is not known.
   */
  show(labels: readonly string[], weak: ReadonlyMap<string, string>, marks: ReadonlyMap<string, Mark>): void {
    const cells = labels.map((label) =>
      h(
        "li",
        {},
        picture(label),
        h("strong", { class: label.length > 1 ? "word" : "" }, named(label)),
        MOVING.includes(label) ? h("span", { class: "chip" }, "movement") : null,
        weak.has(label) ? h("span", { class: "chip warn" }, "often missed") : null,
        marked(label, marks.get(label)),
        h("span", { class: "how", "aria-hidden": "true" }, described(label)),
      ),
    );
    fill(this.#signs, ...cells);
  }
}

function marked(label: string, mark: Mark | undefined): HTMLElement | null {
  if (mark === undefined) return null;
  const [sign, words] = MARKS[mark];
  const where = MOVING.includes(label) && mark !== "unknown" ? " in a still photo" : "";
  return h(
    "span",
    { class: "mark", "data-mark": mark },
    h("span", { "aria-hidden": "true" }, sign),
    ` ${words}${where}`,
  );
}
