/** The letter chart: every sign that the recogniser knows, drawn by the project itself. */

import { fill, h } from "../dom";
import { described, named, picture } from "./signs";

const MOVING = ["J", "Z"];

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

  /** @param weak letters that the recogniser often misses, with words for how often. */
  show(labels: readonly string[], weak: ReadonlyMap<string, string>): void {
    const cells = labels.map((label) =>
      h(
        "li",
        {},
        picture(label),
        h("strong", { class: label.length > 1 ? "word" : "" }, named(label)),
        MOVING.includes(label) ? h("span", { class: "chip" }, "movement") : null,
        weak.has(label) ? h("span", { class: "chip warn" }, "often missed") : null,
        h("span", { class: "how", "aria-hidden": "true" }, described(label)),
      ),
    );
    fill(this.#signs, ...cells);
  }
}
