/** "Make it yours": photos of what the camera shows, a last layer of one's own, and what becomes of it. */

import { button, fill, h, say } from "../dom";
import { wilson } from "../personal/check";
import { fitted } from "../personal/fit";
import type { Head } from "../personal/head";
import { asJson, type Base, headOf, type Own, parseOwn } from "../personal/own";
import { ROUNDS, Session } from "../personal/session";
import { forgetOwn, keepOwn, kept } from "../personal/store";
import { described, named, picture } from "./signs";

interface Asked {
  /** What the last layer reads of the hand now; rejects with words where there is no picture, or no hand in it. */
  look(): Promise<readonly Float32Array[]>;
  /** Answer with this layer from now on; null: with the recogniser's own. */
  use(head: Head | null): void;
  /** Tell screen readers. */
  said(words: string): void;
}

type Kept = { readonly own: Own; readonly on: boolean };

export class PersonalView {
  readonly element: HTMLElement;
  readonly #asked: Asked;
  readonly #content = h("div", { class: "personal-content", id: "personal" });
  readonly #problem = h("p", { class: "problem-words", role: "alert", hidden: true, id: "personal-problem" });
  #base: Base | null = null;
  #own: Kept | null = null;
  #session: Session | null = null;
  #busy = false;

  constructor(asked: Asked) {
    this.#asked = asked;
    this.element = h(
      "section",
      { class: "card personal", "aria-labelledby": "personal-title" },
      h("h2", { id: "personal-title", tabindex: -1 }, "Make it yours"),
      this.#content,
      this.#problem,
    );
    this.#showWaiting();
  }

  /** The recogniser that is used now, or null where none in this page can be adapted. */
  know(base: Base | null): void {
    this.#base = base;
    this.#own = null;
    this.#session = null;
    this.#showWaiting();
    if (base !== null) void this.#recall(base);
  }

  async #recall(base: Base): Promise<void> {
    const found = await kept(base.digest);
    if (this.#base !== base) return;
    if (found !== undefined) {
      try {
        const { on, ...file } = found as { on?: unknown };
        this.#own = { own: parseOwn(file, base), on: on !== false };
      } catch {
        await forgetOwn(base.digest); // damaged, and of no use to anybody
      }
    }
    this.#use();
    this.#showHome();
  }

  #use(): void {
    const on = this.#base !== null && this.#own?.on === true;
    this.element.dataset.on = String(on);
    this.#asked.use(on ? headOf((this.#own as Kept).own, this.#base as Base) : null);
  }

  #showWaiting(): void {
    this.element.dataset.state = "waiting";
    this.#fail("");
    fill(
      this.#content,
      h(
        "p",
        {},
        "Here the recogniser can learn your hand, once it is ready inside this page. It cannot where a service recognises, so that no picture leaves your device, nor with a bundle of the older format 1.",
      ),
    );
  }

  /** What there is, and what can be done. */
  #showHome(): void {
    this.#session = null;
    this.element.dataset.state = "home";
    fill(
      this.#content,
      ...(this.#own === null
        ? introduction()
        : [this.#switch(this.#own), result(this.#own.own), lettersOf(this.#own.own, this.#base)]),
      h(
        "div",
        { class: "buttons" },
        button(this.#own === null ? "Begin" : "Make it anew", () => this.#begin(), {
          class: this.#own === null ? "primary" : "",
          id: "personal-begin",
        }),
        this.#own === null ? null : button("Save as a file", () => this.#save(), { id: "personal-save" }),
        this.#own === null ? null : this.#deleting(),
        this.#restoring(),
      ),
    );
  }

  #switch({ on }: Kept): HTMLElement {
    const box = h("input", { type: "checkbox", id: "personal-on", role: "switch" });
    box.checked = on;
    box.addEventListener("change", () => {
      if (this.#own === null) return;
      this.#own = { ...this.#own, on: box.checked };
      this.#use();
      void this.#keep();
      this.#asked.said(box.checked ? "Your recogniser is on." : "Your recogniser is off.");
    });
    return h("label", { class: "switch" }, box, h("span", {}, "Use the recogniser that learnt my hand"));
  }

  /** Twice, so that nobody loses it by one press. */
  #deleting(): HTMLButtonElement {
    const found = button("Delete it", () => {
      if (found.dataset.sure !== "yes") {
        found.dataset.sure = "yes";
        say(found, "Press again to delete");
        return;
      }
      found.disabled = true;
      void this.#delete();
    });
    found.id = "personal-delete";
    return found;
  }

  /** Said once it is gone: whoever closes the page then leaves nothing behind. */
  async #delete(): Promise<void> {
    if (this.#base !== null) await forgetOwn(this.#base.digest);
    this.#own = null;
    this.#use();
    this.#showHome();
    this.#asked.said("Deleted. The recogniser is as it came.");
    this.#focus();
  }

  #restoring(): HTMLElement {
    const input = h("input", { type: "file", accept: "application/json,.json", id: "personal-file" });
    input.addEventListener("change", () => void this.#restore(input.files?.[0] ?? null));
    return h("label", { class: "file" }, h("span", {}, "Bring back from a file"), input);
  }

  async #restore(file: File | null): Promise<void> {
    const base = this.#base;
    if (file === null || base === null) return;
    try {
      const own = parseOwn(JSON.parse(await file.text()), base);
      if (this.#base !== base) return;
      await this.#have(own);
      this.#asked.said("Your recogniser is back, and on.");
    } catch (error) {
      const why = error instanceof SyntaxError ? "it is no JSON" : reasonOf(error);
      this.#fail(`${file.name} cannot be used: ${why}.`);
    }
  }

  async #have(own: Own): Promise<void> {
    this.#own = { own, on: true };
    this.#use();
    this.#fail("");
    this.#showHome();
    if (!(await this.#keep()))
      this.#fail("This browser keeps nothing here: save it as a file, or it is gone when the page is closed.");
  }

  async #keep(): Promise<boolean> {
    if (this.#own === null || this.#base === null) return true;
    const { own, on } = this.#own;
    return keepOwn(own.digest, { ...JSON.parse(asJson(own, this.#base.labels)), on });
  }

  #save(): void {
    if (this.#own === null || this.#base === null) return;
    const file = new Blob([asJson(this.#own.own, this.#base.labels)], { type: "application/json" });
    const address = URL.createObjectURL(file);
    h("a", { href: address, download: "my-fingerspelling.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  #begin(): void {
    if (this.#base === null) return;
    this.#fail("");
    this.#session = new Session(this.#base.labels, ROUNDS);
    this.#showSession();
    this.#asked.said(`Show ${named(this.#session.asked)}, then take the photo.`);
    document.getElementById("personal-take")?.focus();
  }

  #showSession(): void {
    const session = this.#session;
    if (session === null) return;
    const letter = session.asked;
    this.element.dataset.state = "taking";
    this.element.dataset.letter = letter;
    const focused = document.activeElement?.id ?? "";
    const share = h("progress", {
      max: session.rounds * session.letters.length,
      value: session.count,
      "aria-label": "Photos taken",
    });
    fill(
      this.#content,
      h(
        "div",
        { class: "practice-now" },
        h(
          "div",
          { class: "practice-ask" },
          h(
            "div",
            { class: "prompt" },
            h("span", { class: "prompt-words" }, "Show"),
            h("span", { class: letter.length > 1 ? "prompt-text word" : "prompt-text" }, named(letter)),
          ),
          h(
            "p",
            { class: "hint", id: "personal-round" },
            `Round ${session.round} of ${session.rounds}, sign ${session.place} of ${session.letters.length}. ` +
              "In each round hold your hand a little otherwise: nearer, turned, in another light.",
          ),
        ),
        h("div", { class: "hint-sign" }, picture(letter, false), h("p", { "aria-hidden": "true" }, described(letter))),
      ),
      share,
      h("p", { class: "note", id: "personal-count" }, counted(session)),
      h(
        "div",
        { class: "buttons" },
        button("Take the photo", () => void this.#take(), { class: "primary", id: "personal-take" }),
        button("Skip this sign", () => this.#step(session.skip.bind(session)), { id: "personal-skip" }),
        button("Take the last one back", () => this.#step(session.undo.bind(session)), {
          id: "personal-undo",
          disabled: session.count === 0,
        }),
        button("That is enough", () => void this.#fit(), { id: "personal-fit", disabled: !session.enough }),
        button("Give up", () => this.#leave(), { id: "personal-leave" }),
      ),
    );
    if (focused.startsWith("personal-")) document.getElementById(focused)?.focus();
  }

  #step(change: () => void): void {
    change();
    this.#went();
  }

  #went(): void {
    if (this.#session?.over === true) {
      if (this.#session.enough) void this.#fit();
      else {
        this.#fail("Too few photos: at least ten are needed, of two signs with two or more each.");
        this.#leave();
      }
      return;
    }
    this.#showSession();
    this.#asked.said(`Show ${named(this.#session?.asked ?? "")}.`);
  }

  #leave(): void {
    this.#showHome();
    this.#focus();
  }

  async #take(): Promise<void> {
    const session = this.#session;
    if (session === null || this.#busy) return;
    this.#busy = true;
    try {
      const features = await this.#asked.look();
      if (this.#session !== session) return;
      session.take(features);
      this.#fail("");
      this.#went();
    } catch (error) {
      this.#fail(`No photo was taken: ${reasonOf(error)}.`);
    } finally {
      this.#busy = false;
    }
  }

  async #fit(): Promise<void> {
    const [session, base] = [this.#session, this.#base];
    if (session === null || base === null || !session.enough) return;
    this.element.dataset.state = "fitting";
    const bar = h("progress", { max: 1, value: 0, "aria-label": "Learning your hand" });
    fill(this.#content, h("p", { role: "status" }, "Learning your hand …"), bar);
    this.#asked.said("Learning your hand.");
    try {
      const { checked, head } = await fitted({ head: base.head, photos: session.photos }, (share) => {
        bar.value = share;
      });
      if (this.#session !== session) return;
      const { before, after } = checked;
      if (head === null) {
        this.#showHome();
        this.element.dataset.state = "refused";
        this.#fail(
          `It would not become better for you: of ${before.photos} photos that were held back, ${before.right} were read right before and ${after.right} after. Nothing was changed. More photos, taken in more places, may help.`,
        );
        return;
      }
      const { weight, bias } = head;
      const made = new Date().toISOString();
      await this.#have({ digest: base.digest, made, photos: session.counts, before, after, weight, bias });
      this.#asked.said(`Done, and on. Before: ${words(before)}. After: ${words(after)}.`);
      this.#focus();
    } catch (error) {
      if (this.#session !== session) return;
      this.#showSession();
      this.#fail(`It could not be learnt: ${reasonOf(error)}. Your photos are still here: try again.`);
    }
  }

  #focus(): void {
    document.getElementById("personal-title")?.focus();
  }

  #fail(why: string): void {
    say(this.#problem, why);
    this.#problem.hidden = why === "";
  }
}

function introduction(): HTMLElement[] {
  return [
    h(
      "p",
      {},
      `Show each sign ${ROUNDS} times, and the recogniser learns how your hand makes it. It takes about ten minutes; you may stop earlier, and leave signs out.`,
    ),
    h(
      "p",
      {},
      h("strong", {}, "Nothing leaves your device. "),
      "Pictures are not kept, only what the network makes of them, until you are done. Some photos are held back in turn: if they are not read better than before, nothing is changed.",
    ),
    h("p", { class: "note" }, "J and Z are movements and are not asked for. Start the camera first."),
  ];
}

function result({ before, after, made }: Own): HTMLElement {
  const row = (name: string, score: Own["before"]) => {
    const [low, high] = wilson(score.right, score.photos);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", { class: "number", "data-right": String(score.right) }, percent(score.right / score.photos)),
      h("td", { class: "number" }, `${percent(low)}–${percent(high)}`),
    );
  };
  return h(
    "table",
    { class: "scores", id: "personal-scores" },
    h("caption", {}, `Your photos read right, each held back once (${after.photos} photos, ${made.slice(0, 10)})`),
    h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, "Right"), h("th", { scope: "col" }, "95% interval"))),
    h("tbody", {}, row("Before", before), row("With your hand learnt", after)),
  );
}

function lettersOf({ photos }: Own, base: Base | null): HTMLElement {
  const missing = (base?.labels ?? []).filter((label) => label !== "nothing" && !((photos[label] ?? 0) > 0)).map(named);
  const without =
    missing.length === 0 ? "" : ` Not learnt from: ${missing.join(", ")}; these may be read less well than before.`;
  return h(
    "p",
    { class: "note" },
    `It is yours: for others it may be worse. It works only with the recogniser that it was made from.${without}`,
  );
}

function counted(session: Session): string {
  const need = session.enough ? "Enough to begin learning; more is better." : "At least ten photos are needed.";
  return `${session.count} ${session.count === 1 ? "photo" : "photos"} taken. ${need}`;
}

function words({ right, photos }: Own["before"]): string {
  return `${right} of ${photos} photos read right`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
