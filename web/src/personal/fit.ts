/** Asks the fitting worker, and ends it. */

import type { FitAnswer, FitRequest } from "./fit.worker";

/** @param progress called with a share, 0–1. */
export function fitted(
  request: FitRequest,
  progress: (share: number) => void,
): Promise<Extract<FitAnswer, { type: "done" }>> {
  const worker = new Worker(new URL("./fit.worker.ts", import.meta.url), { type: "module" });
  return new Promise<Extract<FitAnswer, { type: "done" }>>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FitAnswer>) => {
      if (data.type === "progress") progress(data.share);
      else if (data.type === "done") resolve(data);
      else reject(new Error(data.reason));
    };
    worker.onerror = (event) => reject(new Error(event.message || "the fitting worker cannot be started"));
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}
