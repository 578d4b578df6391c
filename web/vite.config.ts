import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, "..", "src", "fingerspell", "live", "service", "page");

/** What the built page follows from; tests/live/test_site.py names the same. */
const SOURCES = [
  "index.html",
  "licences",
  "package-lock.json",
  "package.json",
  "public",
  "src",
  "tsconfig.json",
  "vite.config.ts",
];

/** ONNX Runtime Web as it is published: its loader and its one WebAssembly file, with its licence beside them. */
function runtime(): Plugin {
  const published = join(here, "node_modules", "onnxruntime-web", "dist");
  return {
    name: "onnxruntime-files",
    apply: "build",
    writeBundle({ dir = page }) {
      const ort = join(dir, "ort");
      mkdirSync(ort, { recursive: true });
      for (const name of ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) {
        copyFileSync(join(published, name), join(ort, name));
      }
      copyFileSync(join(here, "licences", "onnxruntime-LICENSE.txt"), join(ort, "LICENSE.txt"));
      copyFileSync(join(here, "licences", "onnxruntime-ThirdPartyNotices.txt"), join(ort, "ThirdPartyNotices.txt"));
    },
  };
}

/** Which sources the page was built from, so that a test without Node finds a build that was forgotten. */
function digest(): Plugin {
  return {
    name: "sources-digest",
    apply: "build",
    writeBundle({ dir = page }) {
      const hash = createHash("sha256");
      for (const path of SOURCES.flatMap((name) => filesBelow(join(here, name))).sort()) {
        const name = relative(here, path).split(sep).join("/");
        hash.update(`${name}:${createHash("sha256").update(readFileSync(path)).digest("hex")}\n`);
      }
      writeFileSync(join(dir, "sources.sha256"), `${hash.digest("hex")}\n`);
    },
  };
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

export default defineConfig({
  base: "./",
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "development|production"] },
  plugins: [runtime(), digest()],
  worker: { format: "es" },
  build: {
    outDir: page,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
