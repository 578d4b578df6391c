/** "Try a photo": the letter in a picture from this device, and what the recogniser thinks of all the others. */

import { fill, h, say } from "../dom";
import { decode, inMirror } from "../recognition/photo";
import type { Recogniser } from "../recognition/recogniser";
import { ranked } from "../recognition/types";
import { named } from "./signs";

export class PhotoView {
  readonly element: HTMLElement;
  readonly #recogniser: () => Promise<Recogniser>;
  readonly #upright: () => boolean;
  readonly #sureFrom: () => number | null;
  readonly #hint = h("p", { class: "hint" });
  #finds = false;
  readonly #input = h("input", { type: "file", accept: "image/*", id: "photo" });
  readonly #left = h("input", { type: "checkbox", id: "photo-left" });
  readonly #result = h("div", { class: "photo-result", id: "photo-result", "aria-live": "polite" });
  readonly #table = h("div", { class: "photo-table" });
  #file: File | null = null;
  #shown = "";
  #turn = 0;

  /**
   * @param recogniser the one in use, once it is ready; rejects when there is none.
   * @param upright whether photos are turned as their EXIF says.
   * @param sureFrom the probability from which an answer is sure; null where that is not known.
   */
  constructor(recogniser: () => Promise<Recogniser>, upright: () => boolean, sureFrom: () => number | null) {
    this.#recogniser = recogniser;
    this.#upright = upright;
    this.#sureFrom = sureFrom;
    this.#input.addEventListener("change", () => this.#choose(this.#input.files?.[0] ?? null));
    this.#left.addEventListener("change", () => void this.#look());
    const drop = h(
      "div",
      { class: "drop" },
      h("label", { class: "file" }, h("span", {}, "Choose a photo"), this.#input),
      this.#hint,
    );
    this.finds = false;
    drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.#choose(event.dataTransfer?.files[0] ?? null);
    });
    this.element = h(
      "section",
      { class: "card photo", "aria-labelledby": "photo-title" },
      h("h2", { id: "photo-title" }, "Try a photo"),
      drop,
      h("label", { class: "switch" }, this.#left, h("span", {}, "It shows a left hand")),
      this.#result,
      this.#table,
    );
  }

  /** Whether the hand is found in a photo, and cut out. */
  set finds(finds: boolean) {
    this.#finds = finds;
    const what = finds
      ? "The hand in it is found and cut out; where none is found, the whole photo is looked at."
      : "It is looked at in full size; cut it close around the hand for the best answer.";
    say(this.#hint, `or drop one here. ${what}`);
  }

  #choose(file: File | null): void {
    if (file === null) return;
    this.#file = file;
    void this.#look();
  }

  async #look(): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    this.#turn += 1;
    const turn = this.#turn;
    this.element.dataset.photo = "";
    fill(this.#result, h("p", {}, "Looking …"));
    fill(this.#table);
    try {
      const recogniser = await this.#recogniser();
      let picture = await decode(file, this.#upright());
      let sent: Blob = file;
      if (this.#left.checked) [picture, sent] = await inMirror(picture);
      const { width, height } = picture; // the pixels themselves are handed over
      const probabilities = await recogniser.photo(picture, sent, this.#finds);
      if (turn !== this.#turn) return;
      this.#show(file, width, height, recogniser.labels, probabilities);
    } catch (error) {
      if (turn !== this.#turn) return;
      const why = error instanceof Error ? error.message : String(error);
      fill(this.#result, h("p", { class: "problem-words" }, h("strong", {}, `${file.name}: `), `${why}.`));
      this.element.dataset.photo = "failed";
    }
  }

  #show(file: File, width: number, height: number, labels: readonly string[], probabilities: Float32Array): void {
    const all = ranked(labels, probabilities);
    const best = all[0];
    if (best === undefined) return;
    URL.revokeObjectURL(this.#shown);
    this.#shown = URL.createObjectURL(file);
    fill(
      this.#result,
      h("img", { src: this.#shown, alt: "The photo that was looked at", class: "tried" }),
      h(
        "div",
        {},
        h(
          "p",
          { class: `answer${best.label.length > 1 ? " word" : ""}`, id: "photo-letter", "data-label": best.label },
          named(best.label),
        ),
        h("p", {}, `${(100 * best.probability).toFixed(1)}% certain`),
        best.probability < (this.#sureFrom() ?? 0)
          ? h("p", { class: "unsure", id: "photo-unsure" }, "Not sure enough: it may well be another sign.")
          : null,
        h("p", { class: "note" }, `${file.name}, ${width}×${height} pixels`),
      ),
    );
    fill(this.#table, probabilitiesTable(all));
    this.element.dataset.photo = "done";
  }
}

function probabilitiesTable(all: readonly { readonly label: string; readonly probability: number }[]): HTMLElement {
  const rows = all.map(({ label, probability }) => {
    const bar = h("span", { class: "bar" }, h("span", {}));
    (bar.firstElementChild as HTMLElement).style.width = `${100 * probability}%`;
    return h(
      "tr",
      { "data-label": label, "data-probability": String(probability) },
      h("th", { scope: "row" }, named(label)),
      h("td", { class: "bar-cell" }, bar),
      h("td", { class: "number" }, `${(100 * probability).toFixed(2)}%`),
    );
  });
  return h(
    "table",
    { class: "scores", id: "probabilities" },
    h("caption", {}, "All signs, most probable first"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Sign"), h("td"), h("th", { scope: "col" }, "Probability"))),
    h("tbody", {}, ...rows),
  );
}
