"""One truth: PyTorch, ONNX Runtime, HTTP and the browser give the same answers to a bundle's golden photos."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from chromium import READY, opened
from PIL import Image
from servers import serving

from fingerspell.core.bundle import read_bundle
from fingerspell.core.preprocess import decode, preprocess
from fingerspell.live.recognizer import Recognizer

TOLERANCE = 1e-3
LARGEST: dict[str, float] = {}


def in_browser(page, files: list[Path]) -> list[dict[str, float]]:
    """All probabilities that "Try a photo" shows, by label."""
    page.click("#tab-photo")
    answers = []
    for file in files:
        page.set_input_files("#photo", str(file))
        page.wait_for_selector(".photo[data-photo=done]")
        rows = page.eval_on_selector_all(
            "#probabilities tbody tr", "rows => rows.map(row => [row.dataset.label, row.dataset.probability])"
        )
        answer = {label: float(probability) for label, probability in rows}
        assert page.get_attribute("#photo-letter", "data-label") == max(answer, key=lambda label: answer[label])
        answers.append(answer)
    return answers


# A browser keeps colours multiplied by their opacity, in whole levels: half transparent ones come back a level off.
WIDER = {"transparent.png": 1e-2}


def agree(who: str, found: list[dict[str, float]], expected: list[dict[str, float]], names: list[str]) -> None:
    for answer, truth, name in zip(found, expected, names, strict=True):
        assert answer.keys() == truth.keys()
        difference = max(abs(answer[label] - truth[label]) for label in truth)
        LARGEST[who] = max(LARGEST.get(who, 0.0), difference)
        assert difference <= WIDER.get(name, TOLERANCE), f"{who} is {difference:.2g} off at {name}"
        assert max(answer, key=lambda label: answer[label]) == max(truth, key=lambda label: truth[label]), name


def by_network(run: Path, bundle: Path) -> list[dict[str, float]]:
    """The network itself, after the reference preprocessing."""
    import torch

    from fingerspell.lab.nets.model import Model
    from fingerspell.lab.training.run import RunFolder

    model = Model.load(RunFolder.open(run).weights)
    tensors = np.stack([preprocess(sample.data, model.preprocess) for sample in read_bundle(bundle).golden])
    with torch.no_grad():
        rows = torch.softmax(model.net.eval()(torch.from_numpy(tensors)), dim=1).double().numpy()
    return [dict(zip(model.labels, map(float, row), strict=True)) for row in rows]


@pytest.mark.parametrize("which", ["tiny", "drawn"])
def test_all_four_agree_on_the_golden_photos(which, request, launch, serve, capsys):
    bundle = request.getfixturevalue(f"{which}_bundle")
    run = request.getfixturevalue("tiny_run") if which == "tiny" else bundle.parent / "run"
    expected = json.loads((bundle / "golden" / "expected.json").read_text())
    labels = read_bundle(bundle).labels
    names = [sample["file"] for sample in expected["samples"]]
    truth = [dict(zip(labels, sample["probabilities"], strict=True)) for sample in expected["samples"]]
    files = [bundle / "golden" / name for name in names]
    photos = [file.read_bytes() for file in files]

    agree("PyTorch", by_network(run, bundle), truth, names)
    recognizer = Recognizer(bundle, threads=1)
    rows = [recognizer.predict_bytes(photo).probabilities for photo in photos]
    agree("ONNX Runtime", [dict(zip(labels, map(float, row), strict=True)) for row in rows], truth, names)

    running = serve(bundle) if which == "tiny" else request.getfixturevalue("service")
    with opened(launch()) as tab:
        found = []
        for photo in photos:
            kind = {"Content-Type": "image/jpeg"}
            answer = tab.page.request.post(f"{running.address}v1/predict", data=photo, headers=kind)
            assert answer.ok, answer.text()
            found.append(answer.json()["predictions"][0]["probabilities"])
        agree("HTTP", found, truth, names)
        page = tab.go(running.address)
        assert page.get_attribute(".where", "data-place") == "page"
        agree("the browser", in_browser(page, files), truth, names)
        page.click("#tab-spell")
        page.check("input[name=place][value=service]", force=True)
        page.wait_for_selector(f"{READY}[data-place=service]")
        agree("the browser by the service", in_browser(page, files[:3]), truth[:3], names[:3])
    with capsys.disabled():
        print(f"\n{which}: largest differences", {who: f"{value:.1e}" for who, value in LARGEST.items()})


ODD = {  # name: how the file is written
    "grey.jpg": lambda photo, to: photo.convert("L").save(to, "JPEG", quality=92),
    "print.jpg": lambda photo, to: photo.convert("CMYK").save(to, "JPEG", quality=92),
    "grey-16-bits.png": lambda photo, to: Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257).save(
        to
    ),
    "transparent.png": lambda photo, to: _half_transparent(photo).save(to),
    "wide-gamut.jpg": lambda photo, to: photo.save(to, "JPEG", quality=92, icc_profile=_wide_gamut()),
    "progressive.jpg": lambda photo, to: photo.save(to, "JPEG", quality=92, progressive=True),
    "444.jpg": lambda photo, to: photo.save(to, "JPEG", quality=92, subsampling=0),
    "turned.jpg": lambda photo, to: photo.save(to, "JPEG", quality=92, exif=_turned(6)),
    "mirrored.jpg": lambda photo, to: photo.save(to, "JPEG", quality=92, exif=_turned(5)),
    "exact.png": lambda photo, to: photo.save(to, "PNG"),
    "palette.png": lambda photo, to: photo.quantize(64).save(to, "PNG"),
    "picture.webp": lambda photo, to: photo.save(to, "WEBP", quality=90),
    "large.jpg": lambda photo, to: photo.resize((2400, 1800)).save(to, "JPEG", quality=85),
    "narrow.png": lambda photo, to: photo.resize((9, 300)).save(to, "PNG"),
    "one-pixel.png": lambda photo, to: photo.resize((1, 1)).save(to, "PNG"),
}


def _half_transparent(photo: Image.Image) -> Image.Image:
    photo = photo.copy()
    photo.putalpha(128)
    return photo


def _turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _wide_gamut() -> bytes:
    """A profile that a browser would follow, if it were let: sRGB's, with red and blue changed over."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = profile[blue : blue + 4], profile[red : red + 4]
    return bytes(profile)


def test_odd_files_are_decoded_as_python_decodes_them(launch, site, drawn_bundle, tmp_path):
    photo = Image.open(io.BytesIO((drawn_bundle / "golden" / "02-L.jpg").read_bytes())).convert("RGB")
    files = [tmp_path / name for name in ODD]
    for file in files:
        ODD[file.name](photo, file)
    recognizer = Recognizer(drawn_bundle, threads=1)
    labels = recognizer.labels
    rows = [recognizer.predict(decode(file.read_bytes())).probabilities for file in files]
    with opened(launch()) as tab:
        found = in_browser(tab.go(site), files)
    agree("odd files", found, [dict(zip(labels, map(float, row), strict=True)) for row in rows], list(ODD))


def test_a_recogniser_of_photos_as_they_were_stored_gets_them_so(launch, site, drawn_bundle, tmp_path):
    card = json.loads((drawn_bundle / "card.json").read_text(encoding="utf-8"))
    card["preprocess"]["upright"] = False
    photo = Image.open(drawn_bundle / "golden" / "02-L.jpg").convert("RGB")
    photo.save(tmp_path / "turned.jpg", "JPEG", quality=92, exif=_turned(6))
    recognizer = Recognizer(drawn_bundle, threads=1)
    stored = recognizer.predict(decode((tmp_path / "turned.jpg").read_bytes(), upright=False)).probabilities
    with opened(launch()) as tab:
        tab.page.route("**/card.json", lambda route: route.fulfill(body=json.dumps(card)))
        found = in_browser(tab.go(site), [tmp_path / "turned.jpg"])
    agree("as stored", found, [dict(zip(recognizer.labels, map(float, stored), strict=True))], ["turned.jpg"])


def test_a_left_hand_in_a_photo_is_mirrored(launch, site, drawn_bundle, tmp_path):
    file = drawn_bundle / "golden" / "02-L.jpg"
    Image.open(file).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "left.png")
    recognizer = Recognizer(drawn_bundle, threads=1)
    straight = recognizer.predict_bytes(file.read_bytes()).probabilities
    with opened(launch()) as tab:
        page = tab.go(site)
        page.click("#tab-photo")
        page.check("#photo-left")
        (found,) = in_browser(page, [tmp_path / "left.png"])
    agree("left hand", [found], [dict(zip(recognizer.labels, map(float, straight), strict=True))], ["left.png"])


def test_what_is_no_picture_is_said_and_nothing_breaks(launch, site, tmp_path, drawn_bundle):
    contents = {"empty.jpg": b"", "text.jpg": b"this is no picture", "cut.png": b"\x89PNG\r\n\x1a\n\x00\x00"}
    with opened(launch()) as tab:
        page = tab.go(site)
        page.click("#tab-photo")
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
            page.set_input_files("#photo", str(tmp_path / name))
            page.get_by_text(f"{name}:").wait_for()
            assert page.get_attribute(".photo", "data-photo") == "failed"
        in_browser(page, [drawn_bundle / "golden" / "00-A.jpg"])


def test_a_site_below_a_prefix_asks_only_below_it(launch, drawn_bundle, tmp_path):
    from fingerspell.live.site import build_site

    build_site(tmp_path / "a" / "b c", drawn_bundle)
    with serving(tmp_path) as address, opened(launch()) as tab:
        tab.go(f"{address}/a/b%20c/")
        assert tab.complaints == []
        asked = [each.removeprefix("GET ") for each in tab.requests]
        assert all(each.startswith((f"{address}/a/b%20c/", "blob:", "data:")) for each in asked), asked
