"""``gmmkit digits``: train, classify, reports, and what is wrong with images."""

import csv
import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

DIGITS = load_digits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Zeros to threes: one folder a class, and others in a file."""
    folder = tmp_path_factory.mktemp("digits")
    chosen = np.flatnonzero(DIGITS.target < 4)
    for n in chosen[:120]:
        place = folder / "pictures" / str(DIGITS.target[n])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((255 - 15.9 * DIGITS.images[n]).astype(np.uint8)).save(place / f"{n}.png")
    others = chosen[120:200]
    np.savez(folder / "others.npz", images=DIGITS.images[others], labels=DIGITS.target[others])
    np.save(folder / "bare.npy", DIGITS.images[others])
    return folder


@pytest.fixture
def model(gmmkit, folder, tmp_path):
    done = gmmkit("digits", "train", folder / "pictures", "-o", "m.gmm", "--report", "r.html", "--axes", 20)
    assert done.code == 0, done.err
    assert "of held-out images are taken for another" in done.err
    return tmp_path / "m.gmm"


def test_learnt_from_pictures_and_told_in_arrays(gmmkit, folder, model, tmp_path):
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    for heading in ("What is taken for what", "What the classes look like", "The hardest cases", "The model"):
        assert heading in page
    assert page.count("<img ") == 4 * 2 + 24
    assert "http" not in page.replace("http-equiv", "")
    done = gmmkit("digits", "classify", model, folder / "others.npz", "--reject", 0.05, "--report", "c.html")
    assert done.code == 0, done.err
    rows = list(csv.DictReader(io.StringIO(done.out)))
    right = np.mean([row["label"] == row["true_label"] for row in rows])
    assert len(rows) == 80
    assert right > 0.95
    assert {row["rejected"] for row in rows} <= {"True", "False"}
    assert "of 80 are wrong" in done.err
    left = sum(row["rejected"] == "True" for row in rows)
    assert f"80 images, {left} of them left undecided; " in (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "taken for another character" in (tmp_path / "c.html").read_text(encoding="utf-8")


def test_a_model_of_images_is_described_by_its_axes_and_classes(gmmkit, model):
    done = gmmkit("describe", model, "--json")
    assert done.json["feature_names"] == [f"axis {q}" for q in range(1, 21)]
    assert done.json["provenance"]["source"] == "pictures"
    assert " 120 rows of 20 columns from pictures\n" in gmmkit("describe", model).out
    chosen = DIGITS.target[np.flatnonzero(DIGITS.target < 4)[:120]]
    assert [one["rows"] for one in done.json["classification"]["classes"]] == np.bincount(chosen).tolist()
    told = gmmkit("describe", model).out
    assert "axis 1" in told
    assert "x0" not in told


def test_labels_of_other_names_are_not_counted_as_wrong(gmmkit, model, tmp_path):
    np.savez(tmp_path / "words.npz", images=DIGITS.images[:12], labels=np.array(["zero", "one"] * 6))
    done = gmmkit("digits", "classify", model, tmp_path / "words.npz")
    assert done.code == 0
    assert "None of the images' labels ('one', 'zero') is a class of the model ('0', '1'" in done.err
    assert "are wrong" not in done.err


def test_a_model_that_is_not_kept_is_said_to_be(gmmkit, folder):
    done = gmmkit("digits", "train", folder / "pictures", "--axes", 20)
    assert "The model is not kept: give -o FILE.gmm to keep it" in done.err


def test_without_labels_and_in_json(gmmkit, folder, model):
    done = gmmkit("digits", "classify", model, folder / "bare.npy", "--json")
    assert done.code == 0, done.err
    assert set(done.json["images"][0]) == {"image", "label", "probability"}
    assert gmmkit("digits", "classify", model, folder / "bare.npy", "-o", "a.csv", "--report", "a.html").out == ""
    one = next((folder / "pictures" / "1").iterdir())
    done = gmmkit("digits", "classify", model, one, "--any-size")
    assert done.out.splitlines()[1].startswith(f"{one.name},1,")


def test_a_model_is_described(gmmkit, model):
    done = gmmkit("describe", model)
    assert done.code == 0, done.err
    assert "4 components" in done.out


def test_the_page_of_models_of_rows_is_refused(gmmkit, model):
    done = gmmkit("report", model)
    assert done.code == 2
    assert "is a model of images, which this page cannot show: use gmmkit digits classify" in done.err


def test_json_of_training(gmmkit, folder):
    done = gmmkit("digits", "train", folder / "others.npz", "--axes", 15, "--json")
    assert done.code == 0, done.err
    assert done.json["classes"] == list("0123")
    assert np.sum(done.json["confusion"]) == 80
    assert done.json["reduction"] == "pca"


def test_factors_in_place_of_principal_axes(gmmkit, folder, tmp_path):
    arguments = ("--axes", 10, "--reduction", "factors", "--json", "-o", "f.gmm", "--report", "f.html")
    done = gmmkit("digits", "train", folder / "others.npz", *arguments)
    assert done.code == 0, done.err
    assert (done.json["reduction"], done.json["axes"]) == ("factors", 10)
    described = gmmkit("describe", "f.gmm")
    assert described.out.startswith("4 components, ")
    assert " 10 columns from others.npz\n" in described.out
    assert "factor 1" in described.out
    assert "axis" not in described.out
    assert "Images are reduced to 10 factors of their ink" in (tmp_path / "f.html").read_text(encoding="utf-8")
    told = gmmkit("digits", "classify", "f.gmm", folder / "others.npz", "--json")
    assert told.code == 0, told.err
    assert np.mean([row["label"] == row["true_label"] for row in told.json["images"]]) > 0.9


def test_a_corrupt_picture(gmmkit, folder, tmp_path):
    import shutil

    shutil.copytree(folder / "pictures", tmp_path / "p")
    (tmp_path / "p" / "2" / "bad.png").write_bytes(b"nothing")
    done = gmmkit("digits", "train", "p", "-o", "m.gmm")
    assert done.code == 3
    assert "2/bad.png: it cannot be read as a picture" in done.err
    assert "--skip-bad" in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "m.gmm").exists()
    done = gmmkit("digits", "train", "p", "-o", "m.gmm", "--skip-bad", "--axes", 15)
    assert done.code == 0
    assert "skipped" in done.err
    assert "bad.png" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("train", "none", "-o", "m.gmm"), 3, "there is no such file or folder"),
        (("train", "{bare}", "-o", "m.gmm"), 2, "no image has a label; put pictures into one folder a class"),
        (("train", "{bare}", "-o", "m.txt"), 2, "expected a name that ends in .gmm"),
        (("classify", "none.gmm", "{bare}"), 4, "none.gmm: No such file"),
        (("classify", "{bare}", "{bare}"), 4, "is not a readable model file"),
        (("classify", "none.gmm", "{bare}", "-o", "a.txt"), 2, "ends in .csv"),
        (("classify", "none.gmm", "{bare}", "--reject", "2"), 2, "below 1"),
        (("train", "{bare}", "--ink", "blue"), 2, "expected one of auto, light, dark"),
        (("train", "{bare}", "--reduction", "lda"), 2, "expected one of pca, factors"),
    ],
)
def test_mistakes_are_one_line(gmmkit, folder, arguments, code, said):
    done = gmmkit("digits", *(part.format(bare=folder / "bare.npy") for part in arguments))
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
