"""Handwriting: upright images, their description, the classifier, its files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter
from sklearn.datasets import load_digits

import gmmkit
from gmmkit.applications.handwriting import HandwritingClassifier, load_handwriting, read_images, save_handwriting
from gmmkit.applications.handwriting.description import DIRECTIONS, directions
from gmmkit.applications.handwriting.reduction import factor_loadings, projection
from gmmkit.applications.handwriting.upright import ink_of, upright
from gmmkit.errors import DataError, ModelFormatError, ParameterError
from gmmkit.files import read_model, write_model
from gmmkit.model.factor_scores import coordinates

DIGITS = load_digits()
IMAGES, LABELS = DIGITS.images, DIGITS.target
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "digits"


@pytest.fixture(scope="module")
def found():
    return HandwritingClassifier(axes=40, shrinkage=0.7).fit(IMAGES[:500], LABELS[:500])


def stroke(slant, size=40):
    """A slanted line, its middle away from the image's."""
    image = np.zeros((size, size))
    for row in range(8, 32):
        column = 24 + slant * (row - 20)
        image[row, int(column)] = 1 - column % 1
        image[row, int(column) + 1] = column % 1
    return gaussian_filter(image, 1.0)


def spread_of(image):
    columns = np.arange(image.shape[1])
    share = image.sum(axis=0) / image.sum()
    return np.sqrt(share @ (columns - share @ columns) ** 2)


@pytest.mark.parametrize("slant", [-0.6, -0.2, 0.3, 0.5])
def test_slanted_strokes_become_upright(slant):
    made = upright(stroke(slant), 28)
    assert spread_of(made) < 1.0
    assert spread_of(upright(stroke(slant), 28, deskew=False)) > spread_of(made) + 0.15
    rows, columns = np.indices(made.shape)
    np.testing.assert_allclose([(made * rows).sum(), (made * columns).sum()], 13.5 * made.sum(), rtol=0.02)


def test_images_of_any_size_look_alike():
    small, large = upright(stroke(0.3, 40), 28), upright(np.kron(stroke(0.3, 40), np.ones((5, 5))), 28)
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.9


def test_upright_images_are_resampled_by_the_map_of_their_moments():
    ink = ink_of(IMAGES[7])
    rows, columns = np.indices(ink.shape)
    share = ink / ink.sum()
    r, c = (share * rows).sum(), (share * columns).sum()
    slant = (share * (rows - r) * (columns - c)).sum() / (share * (rows - r) ** 2).sum()
    step = 8 * 1.2 / 28
    matrix = step * np.array([[1.0, 0.0], [slant, 1.0]])
    expected = affine_transform(ink, matrix, np.array([r, c]) - matrix @ [13.5, 13.5], (28, 28), order=1)
    np.testing.assert_allclose(upright(ink, 28), expected, atol=1e-12)


def test_images_of_a_size_are_made_upright_together_as_they_are_alone(found):
    others = [np.kron(stroke(0.3), np.ones((2, 2))), np.full((40, 40), 5), IMAGES[3], 16 - IMAGES[3], np.eye(1)]
    mixed = [image for pair in zip(IMAGES[:5], others, strict=True) for image in pair]
    alone = np.array([upright(ink_of(image), 28) for image in mixed])
    np.testing.assert_allclose(found._upright(mixed, 0), alone, atol=1e-14)
    assert not alone[3].any()


def test_empty_images_stay_empty():
    assert not upright(ink_of(np.full((9, 9), 7)), 28).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_ink_is_found_on_light_and_dark_paper(dtype):
    image = np.zeros((9, 9), dtype=dtype)
    image[2:7, 4] = 100
    np.testing.assert_array_equal(ink_of(image), image / 100)
    np.testing.assert_array_equal(ink_of(100 - image), image / 100)
    np.testing.assert_array_equal(ink_of(100 - image, "light"), 1 - image / 100)


@pytest.mark.parametrize("turn", range(4))
def test_directions_turn_with_the_image(turn):
    image = np.zeros((1, 20, 20))
    image[0, :, 10:] = 1.0
    strength = directions(np.rot90(image, turn, axes=(1, 2))).reshape(DIRECTIONS, -1).sum(axis=1)
    # A quarter turn to the left takes what points right to what points up, which is down in rows.
    assert strength.argmax() == (-2 * turn) % DIRECTIONS


def test_images_of_a_batch_do_not_run_into_each_other():
    both = directions(np.array([upright(ink_of(image), 28) for image in IMAGES[:2]]))
    one = directions(upright(ink_of(IMAGES[0]), 28)[None])
    np.testing.assert_allclose(both[0], one[0])


def test_images_are_described_alike_whatever_is_done_at_once(found, monkeypatch):
    whole = found._parts(IMAGES[:11])
    monkeypatch.setattr("gmmkit.applications.handwriting.classifier._AT_ONCE", 4)
    for part, of_some in zip(whole, found._parts(IMAGES[:11]), strict=True):
        np.testing.assert_array_equal(part, of_some)


def test_digits_are_told(found):
    assert np.mean(found.predict(IMAGES[500:1000]) == LABELS[500:1000].astype(str)) > 0.95
    probabilities = found.predict_proba(IMAGES[500:600])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert found.held_out.shape == (500, 10)


def test_means_and_drawn_images_are_of_their_class(found):
    for label in "0379":
        assert found.predict([found.mean_image(label)])[0] == label
        drawn = found.draw(label, 40)
        assert drawn.shape == (40, 28, 28)
        # Upright images are made upright once more, which changes them little.
        assert np.mean(found.predict(drawn) == label) > 0.8
    with pytest.raises(ParameterError, match="unknown class 'x': expected one of 0, 1, 2"):
        found.draw("x")


def test_models_come_back(found, tmp_path):
    save_handwriting(found, tmp_path / "m.gmm", provenance={"source": "digits"})
    back = load_handwriting(tmp_path / "m.gmm")
    np.testing.assert_array_equal(back.predict_proba(IMAGES[:50]), found.predict_proba(IMAGES[:50]))
    np.testing.assert_array_equal(back.draw("3", 2), found.draw("3", 2))
    assert (tmp_path / "m.gmm").stat().st_size < 2**21
    with pytest.raises(ModelFormatError, match="holds a HandwritingClassifier, which this gmmkit cannot load"):
        gmmkit.load(tmp_path / "m.gmm")
    with pytest.raises(ParameterError, match="nothing was held out"):
        back.held_out  # noqa: B018


def test_factors_in_place_of_principal_axes(tmp_path):
    found = HandwritingClassifier(axes=40, reduction="factors", shrinkage=0.7).fit(IMAGES[:500], LABELS[:500])
    assert np.mean(found.predict(IMAGES[500:1000]) == LABELS[500:1000].astype(str)) > 0.95
    assert found.basis_.shape == (40, 984)
    assert (found.noise_ > 0).all()
    for label in "0379":
        assert found.predict([found.mean_image(label)])[0] == label
    save_handwriting(found, tmp_path / "m.gmm")
    back = load_handwriting(tmp_path / "m.gmm")
    assert back.reduction == "factors"
    np.testing.assert_array_equal(back.predict_proba(IMAGES[:50]), found.predict_proba(IMAGES[:50]))
    np.testing.assert_array_equal(back.draw("3", 2), found.draw("3", 2))
    record = read_model(tmp_path / "m.gmm")
    images = record.fit["images"]
    for wrong in ({**images, "noise": "AAAA"}, {**images, "reduction": "lda"}, {**images, "noise": images["basis"]}):
        write_model(replace(record, fit={**record.fit, "images": wrong}), tmp_path / "wrong.gmm")
        with pytest.raises(ModelFormatError, match="wrong.gmm: its record of the fit is incomplete"):
            load_handwriting(tmp_path / "wrong.gmm")
    with pytest.raises(ParameterError, match="reduction must be 'pca' or 'factors', but got 'lda'"):
        HandwritingClassifier(reduction="lda")
    with pytest.raises(DataError, match="2 rows.*need at least 3"):
        HandwritingClassifier(reduction="factors").fit(IMAGES[:2], LABELS[:2])


def test_scores_are_the_factors_posterior_means():
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 3)) @ random.normal(size=(3, 12)) + random.normal(size=(200, 12))
    rows[:, 4] = 0.0  # as pixels in a corner
    rows -= rows.mean(axis=0)
    basis, noise = factor_loadings(rows, 3)
    mixture = gmmkit.Mixture([1.0], np.zeros((1, 12)), gmmkit.Factor.of(basis.T[None], noise[None]))
    np.testing.assert_allclose(rows @ projection(basis, noise), coordinates(mixture, rows)[0], atol=1e-10)
    assert noise.min() >= rows.var(axis=0).mean()
    np.testing.assert_array_equal(basis[:, 4], 0.0)


def test_records_that_are_incomplete_are_refused(found, tmp_path):
    save_handwriting(found, tmp_path / "m.gmm")
    record = read_model(tmp_path / "m.gmm")
    images = record.fit["images"]
    for wrong in (None, {**images, "basis": "AAAA"}, {**images, "centre": "?"}, {**images, "spreads": [1.0, -1.0]}):
        write_model(replace(record, fit={**record.fit, "images": wrong}), tmp_path / "wrong.gmm")
        with pytest.raises(ModelFormatError, match="wrong.gmm: its record of the fit is incomplete"):
            load_handwriting(tmp_path / "wrong.gmm")
    gmmkit.save(gmmkit.GaussianMixture().fit(LABELS[:50, None]), tmp_path / "other.gmm")
    with pytest.raises(ModelFormatError, match="holds a GaussianMixture; expected a HandwritingClassifier"):
        load_handwriting(tmp_path / "other.gmm")


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (IMAGES[:5], LABELS[:4], "5 images have 4 labels"),
        (np.zeros((4, 8, 8)), [0, 0, 1, 1], "all alike"),
        ([np.zeros(8)] * 2, [0, 1], r"image 0 has the shape \(8,\)"),
        (IMAGES[:12], [0] * 10 + [1] * 2, "class '1': 5 folds need as many distinct rows, but there are 2"),
        (IMAGES[:12], [0] * 12, "1 class"),
    ],
)
def test_what_cannot_be_learnt_is_refused(images, labels, said):
    with pytest.raises(DataError if "folds" not in said else ParameterError, match=said):
        HandwritingClassifier().fit(images, labels)


def test_models_of_the_most_axes_can_be_saved(tmp_path):
    found = HandwritingClassifier(axes=150, shrinkage=0.9).fit(IMAGES[:400], LABELS[:400])
    save_handwriting(found, tmp_path / "m.gmm")
    assert load_handwriting(tmp_path / "m.gmm").basis_.shape == (150, 984)
    with pytest.raises(ParameterError, match="axes must be .*150"):
        HandwritingClassifier(axes=151)


def test_an_unfitted_classifier_says_so():
    with pytest.raises(ParameterError, match="not fitted yet"):
        HandwritingClassifier().predict(IMAGES[:2])


def test_a_third_of_the_published_error_on_scikit_learn_s_digits():
    # What a plain mixture reaches there is 0.040, what was asked for 0.030; nothing is chosen on these 797 rows.
    found = HandwritingClassifier().fit(IMAGES[:1000], LABELS[:1000])
    assert np.mean(found.predict(IMAGES[1000:]) != LABELS[1000:].astype(str)) <= 0.02


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")
def test_mnist_is_read_with_its_labels_and_told():
    read = read_images(SHARED / "mnist_t10k-images-idx3-ubyte.gz")
    labels = np.array(read.labels)
    assert len(read.images) == 10_000
    seen, unseen = slice(0, 2000), slice(9000, 10_000)
    found = HandwritingClassifier(shrinkage=0.5).fit(read.images[seen], labels[seen])
    assert np.mean(found.predict(read.images[unseen]) != labels[unseen]) < 0.04
