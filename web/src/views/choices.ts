/** A group of radio buttons that looks like one switch with several positions. */

import { h } from "../dom";

export class Choices<T extends string> {
  readonly element: HTMLElement;
  readonly #inputs = new Map<T, HTMLInputElement>();

  /** @param options value and words of each position. */
  constructor(
    name: string,
    legend: string,
    options: readonly (readonly [T, string])[],
    chosen: T,
    changed: (value: T) => void,
  ) {
    this.element = h("fieldset", { class: "choices" }, h("legend", {}, legend));
    const row = h("div", { class: "positions" });
    for (const [value, words] of options) {
      const input = h("input", { type: "radio", name, value, onchange: () => changed(value) });
      input.checked = value === chosen;
      this.#inputs.set(value, input);
      row.append(h("label", {}, input, h("span", {}, words)));
    }
    this.element.append(row);
  }

  set value(value: T) {
    for (const [each, input] of this.#inputs) input.checked = each === value;
  }
}
