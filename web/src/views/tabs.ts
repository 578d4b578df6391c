/** The page's parts as tabs: arrow keys move between them, as the ARIA practices ask. */

import { h } from "../dom";

export type TabName = "spell" | "practise" | "yours" | "signs" | "photo" | "limits";

export class Tabs {
  readonly element = h("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the page" });
  chosen: TabName = "spell";
  readonly #tabs = new Map<TabName, readonly [HTMLButtonElement, HTMLElement]>();
  readonly #changed: (name: TabName) => void;

  constructor(changed: (name: TabName) => void) {
    this.#changed = changed;
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Returns the panel, to be put where it belongs. */
  add(name: TabName, words: string, content: HTMLElement): HTMLElement {
    const tab = h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": `panel-${name}`,
        onclick: () => this.choose(name),
      },
      words,
    );
    const panel = h(
      "div",
      { class: "panel", role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` },
      content,
    );
    this.#tabs.set(name, [tab, panel]);
    this.element.append(tab);
    return panel;
  }

  choose(name: TabName): void {
    this.chosen = name;
    for (const [each, [tab, panel]] of this.#tabs) {
      tab.setAttribute("aria-selected", String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      panel.hidden = each !== name;
    }
    this.#changed(name);
  }

  #key(event: KeyboardEvent): void {
    const names = [...this.#tabs.keys()];
    const at = names.indexOf(this.chosen);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    const name = names[(to + names.length) % names.length] as TabName;
    this.choose(name);
    this.#tabs.get(name)?.[0].focus();
    event.preventDefault();
  }
}
