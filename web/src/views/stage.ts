/** The camera's side of the page: preview with the box, its controls, and where recognition runs. */

import type { CameraChoice, CameraState } from "../camera/camera";
import type { CameraProblem } from "../camera/problem";
import { button, fill, h, say } from "../dom";
import type { Latency } from "../recognition/latency";
import type { Finding, Status } from "../recognition/recognition";
import type { Hand, Place, Side } from "../recognition/types";
import type { Settings } from "../settings";
import { Choices } from "./choices";
import { BoxOverlay } from "./overlay";

export interface StageActions {
  toggleCamera(): void;
  chooseCamera(id: string): void;
  choosePlace(place: Place): void;
  chooseHand(hand: Hand): void;
  chooseFind(find: boolean): void;
}

export class Stage {
  readonly element: HTMLElement;
  /** What is needed less often; stands below. */
  readonly more: HTMLElement;
  readonly video = h("video", { playsinline: true, muted: true, "aria-label": "Preview of the camera" });
  readonly overlay: BoxOverlay;
  readonly #settings: Settings;
  readonly #toggle: HTMLButtonElement;
  readonly #select: HTMLSelectElement;
  readonly #pick: HTMLElement;
  readonly #picture: HTMLElement;
  readonly #idle = h("div", { class: "idle" });
  readonly #problem = h("div", { class: "problem", role: "alert", hidden: true });
  readonly #headline = h("strong", { id: "place", role: "status" });
  readonly #detail = h("p", { class: "detail", id: "place-detail", role: "status" });
  readonly #times = h("p", { class: "times", id: "times" });
  readonly #where: HTMLElement;
  readonly #places: Choices<Place>;
  readonly #find = h("input", { type: "checkbox", id: "find", role: "switch", "aria-describedby": "find-hint" });
  readonly #findSwitch = h("label", { class: "switch", hidden: true }, this.#find, h("span", {}, "Find my hand"));
  readonly #findHint = h("p", { class: "hint", id: "find-hint", hidden: true });
  readonly #invitation = h("p");
  readonly #expected = h("p", { class: "hint expected", id: "expected-hand", role: "status" });

  constructor(settings: Settings, serviceHere: boolean, actions: StageActions) {
    this.#settings = settings;
    this.video.muted = true;
    this.overlay = new BoxOverlay(settings.box.value, (box) => {
      settings.box.value = box;
    });
    this.#toggle = button("Start camera", actions.toggleCamera, { class: "primary", id: "camera" });
    this.#select = h("select", { id: "camera-choice", onchange: () => actions.chooseCamera(this.#select.value) });
    this.#pick = h("label", { class: "pick", hidden: true }, h("span", {}, "Camera"), this.#select);
    fill(this.#idle, h("p", {}, h("strong", {}, "Spell with your hand, read the text.")), this.#invitation);
    this.#find.checked = settings.find.value;
    this.#find.addEventListener("change", () => actions.chooseFind(this.#find.checked));
    this.#picture = h("div", { class: "picture" }, this.video, this.overlay.element, this.#idle, this.#problem);
    this.#places = new Choices<Place>(
      "place",
      "Recognise",
      [
        ["page", "in this page"],
        ["service", "by the service"],
      ],
      settings.place.value,
      actions.choosePlace,
    );
    const hands = new Choices<Hand>(
      "hand",
      "Hand",
      [
        ["right", "right"],
        ["left", "left"],
        ["auto", "auto"],
      ],
      settings.hand.value,
      actions.chooseHand,
    );
    const mirror = h("input", { type: "checkbox", id: "mirror", role: "switch" });
    mirror.checked = settings.mirror.value;
    mirror.addEventListener("change", () => {
      settings.mirror.value = mirror.checked;
      this.#fit();
    });
    this.#where = h(
      "div",
      { class: "where", "data-state": "loading" },
      h("p", { class: "headline" }, h("span", { class: "dot" }), this.#headline),
      this.#detail,
    );
    this.element = h(
      "section",
      { class: "card stage", "aria-labelledby": "camera-title" },
      h("h2", { id: "camera-title", class: "only-read" }, "Camera"),
      this.#picture,
      h("div", { class: "controls" }, this.#toggle, this.#findSwitch, hands.element, this.#expected, this.#pick),
      this.#where,
    );
    this.more = h(
      "section",
      { class: "card more", "aria-labelledby": "more-title" },
      h("h2", { id: "more-title" }, "Camera and recognition"),
      this.#findHint,
      this.overlay.tools,
      h(
        "div",
        { class: "controls" },
        h("label", { class: "switch" }, mirror, h("span", {}, "Mirror the preview")),
        serviceHere ? this.#places.element : null,
      ),
      this.#times,
    );
    for (const event of ["loadedmetadata", "resize"]) this.video.addEventListener(event, () => this.#fit());
    this.camera("off");
    this.finding({ state: "none" }, false);
  }

  /**
   * Whether the hand can be found by itself, and whether it is.
   *
   * @param on it can, and is wanted: then there is no box.
   */
  finding(finding: Finding, on: boolean): void {
    const { state } = finding;
    this.#findSwitch.hidden = state === "none";
    this.#find.disabled = state === "not";
    this.#find.checked = state === "not" ? false : this.#settings.find.value;
    this.#findHint.hidden = state === "none";
    const found = "Your hand is found by itself; a frame in the picture shows where. It may be anywhere in it.";
    const placed = "With “Find my hand” the box needs no placing.";
    say(this.#findHint, finding.state === "not" ? finding.why : state === "none" ? "" : on ? found : placed);
    this.overlay.finds = on;
    const where = on ? "where the camera sees your hand" : "inside the box";
    say(this.#invitation, `Start the camera and hold the signs of the ASL alphabet ${where}. Pictures are not kept.`);
  }

  camera(state: CameraState): void {
    const running = state === "running";
    this.#picture.dataset.state = state;
    this.overlay.element.hidden = !running;
    this.video.hidden = !running;
    this.#idle.hidden = running;
    say(this.#toggle, state === "off" ? "Start camera" : "Stop camera");
    this.#toggle.classList.toggle("primary", state === "off");
    this.#fit();
  }

  problem(problem: CameraProblem | null): void {
    this.#problem.hidden = problem === null;
    this.#problem.dataset.kind = problem?.kind ?? "";
    fill(
      this.#problem,
      ...(problem === null ? [] : [h("p", {}, h("strong", {}, problem.title)), h("p", {}, problem.remedy)]),
    );
  }

  choices(choices: readonly CameraChoice[], chosen: string): void {
    this.#pick.hidden = choices.length < 2;
    fill(this.#select, ...choices.map(({ id, name }) => h("option", { value: id }, name)));
    this.#select.value = chosen;
  }

  status({ place, state, headline, detail }: Status): void {
    this.#where.dataset.state = state;
    this.#where.dataset.place = place;
    say(this.#headline, headline);
    say(this.#detail, detail);
    this.#detail.hidden = detail === "";
  }

  /** Which of both is chosen; what is used may differ, and is said by `status`. */
  chosen(place: Place): void {
    this.#places.value = place;
  }

  /** Which hand is expected, where it is found out: null by the service, which does not say it. */
  expect(choice: Hand, side: Side | null): void {
    this.#expected.hidden = choice !== "auto";
    say(this.#expected, choice !== "auto" ? "" : `auto: ${side === null ? "the service chooses" : `${side} hand`}`);
  }

  times(latency: Latency): void {
    const [median, high] = [latency.quantile(0.5), latency.quantile(0.95)];
    this.#times.dataset.median = String(median ?? "");
    this.#times.dataset.p95 = String(high ?? "");
    this.#times.dataset.dropped = String(latency.dropped);
    this.#times.dataset.answered = String(latency.answered);
    const shown = median === null || high === null;
    say(
      this.#times,
      shown
        ? ""
        : `From frame to letter: ${median.toFixed(0)} ms (median), ${high.toFixed(0)} ms (95th percentile) · ${latency.dropped} of ${latency.dropped + latency.answered} frames passed over for newer ones`,
    );
  }

  #fit(): void {
    const { videoWidth: width, videoHeight: height } = this.video;
    const mirror = this.#settings.mirror.value;
    this.video.classList.toggle("mirrored", mirror);
    if (width > 0 && height > 0) {
      this.#picture.style.setProperty("--proportions", `${width} / ${height}`);
      this.overlay.fit({ width, height }, mirror);
    }
  }
}
