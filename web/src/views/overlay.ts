/** The box over the preview: moved and resized by mouse, finger and keys; or the hand, where it is found by itself. */

import { type Box, type Corner, centred, fitted, grown, mirrored, moved, resized, type Size } from "../camera/box";
import { button, h, say } from "../dom";

const CORNERS: readonly Corner[] = ["nw", "ne", "sw", "se"];
const STEP = 0.02; // of the frame, for one press of a key
const MISSED = 2; // seconds without a hand until that is said
const NO_HAND = "No hand found: show it, or switch “Find my hand” off and place the box by hand.";

export class BoxOverlay {
  readonly element: HTMLElement;
  readonly tools: HTMLElement;
  readonly #frame: HTMLElement;
  readonly #hand = h("div", { class: "found", id: "found", hidden: true });
  readonly #missing = h("p", { class: "missing", id: "no-hand", role: "status" });
  #finds = false;
  #found: Box | null = null;
  /** Seconds: when a hand was seen last, or when looking for it began. */
  #seen: number | null = null;
  readonly #changed: (box: Box | null) => void;
  #size: Size = { width: 640, height: 480 };
  #kept: Box | null;
  #mirrored = true;
  #drag: { readonly from: Box; readonly x: number; readonly y: number; readonly corner: Corner | null } | null = null;

  /**
   * @param kept the box that was chosen last, null for the centred square.
   * @param changed called with the new choice.
   */
  constructor(kept: Box | null, changed: (box: Box | null) => void) {
    this.#kept = kept;
    this.#changed = changed;
    this.#frame = h(
      "div",
      {
        class: "box",
        id: "box",
        tabindex: 0,
        role: "application",
        "aria-roledescription": "movable box",
        "aria-label": "Box for the hand",
        "aria-describedby": "box-keys",
      },
      ...CORNERS.map((corner) => h("span", { class: `corner ${corner}`, "data-corner": corner })),
    );
    this.#frame.addEventListener("pointerdown", (event) => this.#grab(event));
    this.#frame.addEventListener("pointermove", (event) => this.#pull(event));
    for (const end of ["pointerup", "pointercancel"] as const) this.#frame.addEventListener(end, () => this.#letGo());
    this.#frame.addEventListener("keydown", (event) => this.#key(event));
    this.element = h("div", { class: "overlay" }, this.#frame, this.#hand, this.#missing);
    this.tools = h(
      "p",
      { class: "hint", id: "box-keys" },
      "Hold your hand inside the box. Drag it or its corners; with keys: arrows move it, + and − resize it, Home centres it. ",
      button("Centre the box", () => this.#choose(null), { class: "link", id: "box-centre" }),
    );
    this.#draw();
  }

  /** The box in fractions of the frame as the camera gives it. */
  get box(): Box {
    return this.#kept === null ? centred(this.#size) : fitted(this.#kept, this.#size);
  }

  /** Whether the hand is found by itself: then there is no box to be placed. */
  set finds(finds: boolean) {
    this.#finds = finds;
    this.#frame.hidden = finds;
    this.tools.hidden = finds;
    this.rest();
  }

  /** The hand is here, or nowhere. `seconds` of the frame; null of a single picture, after which nothing is awaited. */
  found(box: Box | null, seconds: number | null): void {
    if (!this.#finds) return;
    this.#found = box;
    if (box !== null || this.#seen === null) this.#seen = seconds;
    say(this.#missing, seconds !== null && seconds - (this.#seen ?? seconds) > MISSED ? NO_HAND : "");
    this.#drawFound();
  }

  /** No frames are looked at for now. */
  rest(): void {
    this.#found = null;
    this.#seen = null;
    say(this.#missing, "");
    this.#drawFound();
  }

  /** The camera's frame has this size, and the preview is mirrored or not. */
  fit(size: Size, mirror: boolean): void {
    this.#size = size;
    this.#mirrored = mirror;
    this.#draw();
  }

  get #shown(): Box {
    return this.#mirrored ? mirrored(this.box) : this.box;
  }

  #choose(box: Box | null): void {
    this.#kept = box;
    this.#changed(box);
    this.#draw();
  }

  #chooseSeen(box: Box): void {
    this.#choose(this.#mirrored ? mirrored(box) : box);
  }

  #draw(): void {
    lay(this.#frame, this.#shown, this.box);
    this.#drawFound();
  }

  #drawFound(): void {
    const box = this.#found;
    this.#hand.hidden = box === null;
    if (box !== null) lay(this.#hand, this.#mirrored ? mirrored(box) : box, box);
  }

  #grab(event: PointerEvent): void {
    if (event.button !== 0) return;
    const corner = (event.target as HTMLElement).dataset.corner as Corner | undefined;
    this.#drag = { from: this.#shown, x: event.clientX, y: event.clientY, corner: corner ?? null };
    this.#frame.setPointerCapture(event.pointerId);
    this.#frame.focus({ preventScroll: true });
    event.preventDefault();
  }

  #pull(event: PointerEvent): void {
    if (this.#drag === null) return;
    const { from, x, y, corner } = this.#drag;
    const area = this.element.getBoundingClientRect();
    const right = (event.clientX - x) / area.width;
    const down = (event.clientY - y) / area.height;
    if (corner === null) {
      this.#chooseSeen(moved(from, right, down));
      return;
    }
    const outward = { x: corner.endsWith("w") ? -1 : 1, y: corner.startsWith("n") ? -1 : 1 };
    const by = (right * this.#size.width * outward.x + down * this.#size.height * outward.y) / 2;
    this.#chooseSeen(resized(from, corner, by, this.#size));
  }

  #letGo(): void {
    this.#drag = null;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const box = this.#shown;
    const by = STEP * Math.min(this.#size.width, this.#size.height) * 2;
    const done: Record<string, () => void> = {
      ArrowLeft: () => this.#chooseSeen(moved(box, -STEP, 0)),
      ArrowRight: () => this.#chooseSeen(moved(box, STEP, 0)),
      ArrowUp: () => this.#chooseSeen(moved(box, 0, -STEP)),
      ArrowDown: () => this.#chooseSeen(moved(box, 0, STEP)),
      "+": () => this.#chooseSeen(grown(box, by, this.#size)),
      "=": () => this.#chooseSeen(grown(box, by, this.#size)),
      "-": () => this.#chooseSeen(grown(box, -by, this.#size)),
      "−": () => this.#chooseSeen(grown(box, -by, this.#size)),
      Home: () => this.#choose(null),
    };
    const act = done[event.key];
    if (act === undefined) return;
    act();
    event.preventDefault();
  }
}

/** Put an element where a box is seen; its data say where the box is in the camera's frame. */
function lay(element: HTMLElement, { left, top, width, height }: Box, box: Box): void {
  const { style } = element;
  style.left = `${100 * left}%`;
  style.top = `${100 * top}%`;
  style.width = `${100 * width}%`;
  style.height = `${100 * height}%`;
  element.dataset.box = [box.left, box.top, box.width, box.height].map((each) => each.toFixed(4)).join(",");
}
