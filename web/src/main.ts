/** The page: its parts, and what each tells the others. */

import { Announcer } from "./announce";
import { Camera } from "./camera/camera";
import { Frames } from "./camera/frames";
import { SILENT } from "./camera/problem";
import type { Card } from "./card/card";
import { button, h, say } from "./dom";
import { takeToken } from "./kept";
import type { Head } from "./personal/head";
import { ReadingLoop } from "./reading";
import { Latency } from "./recognition/latency";
import type { Recogniser } from "./recognition/recogniser";
import { RecognitionError } from "./recognition/recogniser";
import { type Finding, Recognition, type Status } from "./recognition/recognition";
import type { Hand, Place, Reading, Side } from "./recognition/types";
import { Settings } from "./settings";
import type { Event } from "./spelling/event";
import { settingsFor } from "./spelling/settings";
import { Speller } from "./spelling/speller";
import { AboutView, weakLetters } from "./views/about";
import { ChartView } from "./views/chart";
import { LetterView } from "./views/letter";
import { PersonalView } from "./views/personal";
import { PhotoView } from "./views/photo";
import { PracticeView } from "./views/practice";
import { named } from "./views/signs";
import { Stage } from "./views/stage";
import { SuggestionsView } from "./views/suggestions";
import { type TabName, Tabs } from "./views/tabs";
import { TextView } from "./views/text";
import { themeButton } from "./views/theme";
import { fetchWords } from "./words/fetch";

const SILENCE = 2500; // milliseconds without a frame from a running camera until that is said

class Page {
  readonly #settings = new Settings();
  readonly #announcer = new Announcer();
  readonly #latency = new Latency();
  readonly #letter = new LetterView();
  readonly #chart = new ChartView();
  readonly #about = new AboutView();
  readonly #practice = new PracticeView((words) => this.#announcer.say(words));
  readonly #personal: PersonalView;
  readonly #suggestions: SuggestionsView;
  readonly #text: TextView;
  readonly #stage: Stage;
  readonly #photo: PhotoView;
  readonly #camera: Camera;
  readonly #frames: Frames;
  readonly #loop: ReadingLoop;
  readonly #recognition: Recognition;
  readonly #tabs: Tabs;
  #speller = new Speller([]);
  #practised = new Speller([]);
  #labels: readonly string[] = [];
  #upright = true;
  #sureFrom: number | null = null;
  #lastFrame = 0;
  #timesShown = 0;
  #silent = false;
  #adapted = false;
  #finding: Finding = { state: "none" };
  /** The hand of the newest picture. */
  #side: Side | null = null;

  constructor(app: HTMLElement) {
    const serviceHere = document.querySelector<HTMLMetaElement>("meta[name=fingerspell-service]")?.content !== "none";
    this.#recognition = new Recognition(takeToken(), serviceHere, this.#settings.hand.value, {
      status: (status) => this.#status(status),
      card: (card, labels) => this.#know(card, labels),
      base: (base) => this.#personal.know(base),
      finding: (finding) => this.#find(finding),
    });
    this.#personal = new PersonalView({
      look: () => this.#lookOnce(),
      use: (head) => this.#answerWith(head),
      said: (words) => this.#announcer.say(words),
    });
    this.#stage = new Stage(this.#settings, serviceHere, {
      toggleCamera: () => (this.#camera.state === "off" ? void this.#camera.start() : this.#camera.stop()),
      chooseCamera: (id) => {
        this.#settings.camera.value = id;
        void this.#camera.start(id);
      },
      choosePlace: (place) => this.#use(place),
      chooseHand: (hand) => this.#sign(hand),
      chooseFind: (find) => {
        this.#settings.find.value = find;
        this.#latency.clear();
        this.#find(this.#finding);
        this.#announcer.say(find ? "Your hand is found by itself." : "The box is placed by hand.");
      },
    });
    this.#suggestions = new SuggestionsView(this.#settings, fetchWords, (word, instead) =>
      this.#edited(this.#speller.type(`${word} `, instead), `${word}.`),
    );
    this.#text = new TextView(
      {
        undo: () => this.#edited(this.#speller.undo(), "Undone."),
        clear: () => this.#edited(this.#speller.clear(), "All deleted. Undo brings it back."),
        space: () => this.#edited(this.#speller.type(" "), "Space."),
      },
      this.#suggestions,
    );
    this.#photo = new PhotoView(
      () => this.#ready(),
      () => this.#upright,
      () => this.#sureFrom,
    );
    this.#frames = new Frames(this.#stage.video, (arrived) => this.#frame(arrived));
    this.#loop = new ReadingLoop({
      frames: this.#frames,
      latency: this.#latency,
      box: () => this.#stage.overlay.box,
      finds: () => this.#finds,
      hand: () => this.#settings.hand.value,
      recogniser: () => (this.#recognition.recogniser?.link.state === "ready" ? this.#recognition.recogniser : null),
      take: (reading) => this.#take(reading),
    });
    this.#camera = new Camera(this.#stage.video, this.#settings.camera.value, {
      state: (state) => {
        this.#stage.camera(state);
        this.#lastFrame = performance.now();
        this.#follow();
        if (state !== "running") this.#letter.rest(state === "lost" ? "The camera has gone" : "Camera off");
      },
      problem: (problem) => this.#stage.problem(problem),
      choices: (choices, chosen) => this.#stage.choices(choices, chosen),
    });
    this.#tabs = new Tabs((name) => this.#entered(name));
    this.#mount(app);
    window.addEventListener("offline", () => this.#network());
    window.addEventListener("online", () => this.#network());
    setInterval(() => this.#watch(), 1000);
    this.#use(serviceHere ? this.#settings.place.value : "page");
  }

  #mount(app: HTMLElement): void {
    const spell = h("div", { class: "column" }, this.#letter.element, this.#text.element);
    const panels: readonly (readonly [TabName, string, HTMLElement])[] = [
      ["spell", "Spell", spell],
      ["practise", "Practise", this.#practice.element],
      ["yours", "Yours", this.#personal.element],
      ["signs", "Signs", this.#chart.element],
      ["photo", "Photo", this.#photo.element],
      ["limits", "Limits", this.#about.element],
    ];
    const main = h("main", { id: "main", tabindex: -1 }, this.#stage.element);
    main.append(...panels.map(([name, words, panel]) => this.#tabs.add(name, words, panel)), this.#stage.more);
    app.replaceChildren(
      button("Skip to the content", () => main.focus(), { class: "skip" }),
      h(
        "header",
        { class: "top" },
        h("h1", {}, h("img", { src: "./icon.svg", alt: "", width: 28, height: 28 }), "Fingerspell"),
        this.#tabs.element,
        themeButton(this.#settings),
      ),
      main,
      this.#announcer.element,
    );
    this.#tabs.choose("spell");
  }

  #entered(name: TabName): void {
    document.body.dataset.tab = name;
    if (name === "practise") this.#practice.enter();
    this.#follow();
  }

  /** Frames are looked at only where their letter is shown. */
  get #looks(): boolean {
    const shown = this.#tabs.chosen === "spell" || this.#tabs.chosen === "practise";
    return shown && this.#camera.state === "running";
  }

  #follow(): void {
    this.#frames.run(this.#looks);
    if (!this.#looks) this.#stage.overlay.rest();
    this.#lastFrame = performance.now();
  }

  #frame(arrived: number): void {
    this.#lastFrame = performance.now();
    if (this.#silent) {
      this.#silent = false;
      this.#stage.problem(null);
    }
    this.#loop.frame(arrived);
  }

  #take(reading: Reading): void {
    if (this.#camera.state !== "running" || reading.probabilities.length !== this.#labels.length) return;
    const practising = this.#tabs.chosen === "practise";
    const speller = practising ? this.#practised : this.#speller;
    if (this.#looks) this.#stage.overlay.found(reading.found, reading.seconds);
    this.#letter.show(this.#labels, reading.probabilities, reading.seconds);
    this.#stage.expect(this.#settings.hand.value, reading.hand);
    this.#side = reading.hand;
    for (const event of speller.step(reading.seconds, reading.probabilities, reading.movement)) {
      this.#happened(event, practising);
    }
    if (performance.now() - this.#timesShown > 500) {
      this.#timesShown = performance.now();
      this.#stage.times(this.#latency);
    }
  }

  #happened(event: Event, practising: boolean): void {
    if (event.kind === "unsure") {
      this.#letter.repeat(event.candidates);
      this.#announcer.say("Please repeat.");
      return;
    }
    this.#letter.understood();
    if (practising) {
      this.#practice.take(event);
      return;
    }
    this.#suggestions.heard(event);
    this.#write(event.text);
    this.#announcer.say(event.kind === "removed" ? "Deleted the last letter." : named(event.label));
    this.#announcer.text(event.text);
  }

  #edited(text: string, words: string): void {
    this.#write(text);
    this.#announcer.say(words);
    this.#announcer.text(text);
  }

  #write(text: string): void {
    this.#text.show(text, this.#speller.undoable);
    this.#suggestions.show(text);
  }

  #use(place: Place): void {
    this.#settings.place.value = place;
    this.#latency.clear();
    void this.#recognition.use(place, this.#settings.hand.value);
  }

  #sign(hand: Hand): void {
    this.#settings.hand.value = hand;
    this.#latency.clear();
    this.#expect();
  }

  /** Whether the hand is found by itself: the recogniser in use can, and it is wanted. */
  get #finds(): boolean {
    return this.#finding.state === "ready" && this.#settings.find.value;
  }

  #find(finding: Finding): void {
    this.#finding = finding;
    this.#stage.finding(finding, this.#finds);
    this.#photo.finds = this.#finds;
  }

  /** Before the first picture a right hand is expected. */
  #expect(): void {
    this.#stage.expect(this.#settings.hand.value, this.#recognition.status.place === "page" ? "right" : null);
  }

  #status(status: Status): void {
    this.#stage.status(status);
    this.#expect();
    const words = { loading: "Getting ready …", waiting: "No connection", failed: "No recogniser", ready: "" };
    if (status.state !== "ready") this.#letter.rest(words[status.state]);
    else if (this.#camera.state !== "running") this.#letter.rest("Camera off");
    this.#network();
  }

  /** A page that recognises by itself says that it needs no network; the service's own status says when it is lost. */
  #network(): void {
    const { status } = this.#recognition;
    if (status.place !== "page" || status.state !== "ready") return;
    const detail = navigator.onLine ? status.detail : "This device is offline; the page goes on without.";
    const adapted = this.#adapted ? "It has learnt your hand." : "";
    this.#stage.status({ ...status, detail: `${detail} ${adapted}`.trim() });
  }

  #know(card: Card | null, labels: readonly string[]): void {
    const weak = weakLetters(card);
    this.#upright = card?.upright ?? true;
    this.#about.show(card);
    this.#chart.show(labels, weak, card?.reliability ?? new Map());
    this.#practice.know(labels, weak);
    const sureFrom = card?.sureFrom ?? null;
    if (labels.join() === this.#labels.join() && sureFrom === this.#sureFrom) return;
    this.#labels = labels;
    this.#sureFrom = sureFrom;
    const before = this.#speller.text;
    this.#speller = new Speller(labels, settingsFor(sureFrom));
    this.#practised = new Speller(labels, settingsFor(sureFrom));
    if (before !== "") this.#speller.type(before);
  }

  /** The page's own recogniser answers with a person's last layer, or with its own. */
  #answerWith(head: Head | null): void {
    this.#recognition.local?.answerWith(head);
    this.#adapted = head !== null;
    this.#network();
  }

  /** What the last layer reads of the hand that is found, or of the box, for a right hand or a left one. */
  async #lookOnce(): Promise<readonly Float32Array[]> {
    const { local } = this.#recognition;
    if (this.#camera.state !== "running") throw new RecognitionError("the camera is off: start it first");
    const now = performance.now();
    const shot = this.#finds ? this.#frames.whole(now) : this.#frames.cut(this.#stage.overlay.box, now);
    if (local === null || shot === null) throw new RecognitionError("no picture has come yet");
    const { value } = this.#settings.hand;
    this.#stage.overlay.rest();
    const { features, found } = await local.features(shot, value === "auto" ? (this.#side ?? "right") : value);
    this.#stage.overlay.found(found, null);
    return features;
  }

  /** The recogniser, as soon as it can look at a photo. */
  async #ready(): Promise<Recogniser> {
    for (;;) {
      const { recogniser, status } = this.#recognition;
      if (status.state === "ready" && recogniser !== null) return recogniser;
      if (status.state === "failed" || status.state === "waiting")
        throw new RecognitionError(status.detail || status.headline);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** A camera that runs and sends nothing must not look like one that works. */
  #watch(): void {
    const quiet = performance.now() - this.#lastFrame > SILENCE;
    if (this.#looks && quiet && !document.hidden && !this.#silent) {
      this.#silent = true;
      this.#stage.problem(SILENT);
      this.#letter.rest("No picture comes");
    }
  }
}

function broken(reason: unknown): void {
  const words = reason instanceof Error ? reason.message : String(reason);
  const banner = document.getElementById("broken") ?? h("p", { id: "broken", role: "alert" });
  say(banner, `Something in this page went wrong: ${words}. Load the page again.`);
  document.body.prepend(banner);
}

window.addEventListener("error", (event) => broken(event.error ?? event.message));
window.addEventListener("unhandledrejection", (event) => broken(event.reason));
new Page(document.getElementById("app") as HTMLElement);
