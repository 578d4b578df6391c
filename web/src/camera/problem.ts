/** Everything that can go wrong with a camera, each with its own plain words and what to do about it. */

export interface CameraProblem {
  readonly kind: "insecure" | "unsupported" | "refused" | "none" | "busy" | "lost" | "silent" | "other";
  readonly title: string;
  readonly remedy: string;
}

export const INSECURE: CameraProblem = {
  kind: "insecure",
  title: "The browser gives no camera to a page that came over an insecure connection.",
  remedy: "Open the page by https, or on this computer itself by http://localhost.",
};

export const UNSUPPORTED: CameraProblem = {
  kind: "unsupported",
  title: "This browser gives pages no camera.",
  remedy: "Use a current Firefox, Chrome, Edge or Safari. “Photo” above works here too.",
};

export const LOST: CameraProblem = {
  kind: "lost",
  title: "The camera has gone.",
  remedy: "Plug it in again, or choose another one. The page goes on by itself as soon as a camera is there.",
};

export const SILENT: CameraProblem = {
  kind: "silent",
  title: "The camera sends no picture.",
  remedy: "Is it covered, switched off by a key, or held by another program? The page goes on when pictures come.",
};

/** The words for what `getUserMedia` threw. */
export function problemOf(error: unknown): CameraProblem {
  const name = error instanceof DOMException || error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return {
        kind: "refused",
        title: "The browser was not allowed to use the camera.",
        remedy:
          "Press the camera or lock sign beside the address, allow the camera for this page, then press “Start camera”. " +
          "Pictures are only looked at for the letter; none is kept.",
      };
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        kind: "none",
        title: "No camera was found.",
        remedy: "Plug one in: the page notices it. Without a camera, “Photo” above names the letter in a picture.",
      };
    case "NotReadableError":
    case "AbortError":
      return {
        kind: "busy",
        title: "The camera cannot be used; another program may be using it.",
        remedy: "Close the other program or browser tab that shows the camera, then press “Start camera”.",
      };
    default:
      return {
        kind: "other",
        title: "The camera cannot be started.",
        remedy: `Try another camera or browser. The browser says: ${error instanceof Error ? error.message : String(error)}`,
      };
  }
}
