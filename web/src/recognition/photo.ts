/** A photo's file → its pixels in full size, as the Python side decodes them: no colour management, turned upright. */

import { withoutExif } from "./exif";
import { RecognitionError } from "./recogniser";
import { flipped, type Picture } from "./types";

/** As on the Python side. */
const MOST_PIXELS = 100_000_000;

/** @param upright turn the photo as its EXIF orientation says; from the card. */
export async function decode(file: Blob, upright: boolean): Promise<Picture> {
  if (file.size === 0) throw new RecognitionError("the file is empty");
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(upright ? file : await withoutExif(file), {
      colorSpaceConversion: "none",
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
    });
  } catch {
    throw new RecognitionError("this is no picture that the browser can read; take a JPEG, PNG or WebP file");
  }
  try {
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

/** The photo in a mirror, and a file of it for the service. */
export async function inMirror(picture: Picture): Promise<[Picture, Blob]> {
  const turned = flipped(picture);
  const canvas = canvasOf(turned.width, turned.height);
  canvas.context.putImageData(new ImageData(turned.rgba, turned.width, turned.height), 0, 0);
  const file = await new Promise<Blob | null>((resolve) => canvas.element.toBlob(resolve, "image/png"));
  if (file === null) throw new RecognitionError("this browser cannot encode pictures");
  return [turned, file];
}

function pixelsOf(bitmap: ImageBitmap): Picture {
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    throw new RecognitionError(
      `the picture is too large: ${width}×${height} pixels; reduce it to ${MOST_PIXELS / 1e6} million`,
    );
  }
  const { context } = canvasOf(width, height);
  context.drawImage(bitmap, 0, 0);
  try {
    return { width, height, rgba: context.getImageData(0, 0, width, height).data };
  } catch {
    throw new RecognitionError(`the picture is too large for this browser: ${width}×${height} pixels`);
  }
}

function canvasOf(width: number, height: number): { element: HTMLCanvasElement; context: CanvasRenderingContext2D } {
  const element = document.createElement("canvas");
  element.width = width;
  element.height = height;
  const context = element.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (context === null) throw new RecognitionError("the picture is too large for this browser");
  return { element, context };
}
