"""Reading images of characters: folders, IDX, arrays, and what is wrong with them."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from gmmkit.applications.handwriting import read_images
from gmmkit.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)


def idx(values, kind=8):
    return bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def picture(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_folders_name_the_classes(tmp_path):
    for n, image in enumerate(IMAGES):
        picture(tmp_path / "ab"[n % 2] / f"{n}.png", image)
    found = read_images(tmp_path)
    assert found.labels == ("a",) * 3 + ("b",) * 3
    assert found.names == ("a/0.png", "a/2.png", "a/4.png", "b/1.png", "b/3.png", "b/5.png")
    np.testing.assert_array_equal(found.images[1], IMAGES[2])
    assert read_images(tmp_path / "a").labels is None
    assert read_images(tmp_path / "a" / "0.png").names == ("0.png",)


def test_transparent_is_paper(tmp_path):
    image = np.zeros((5, 4, 4), dtype=np.uint8)
    image[2, 2] = (0, 0, 0, 255)
    picture(tmp_path / "one.png", image)
    grey = read_images(tmp_path).images[0]
    assert grey[2, 2] == 0
    assert (np.delete(grey.ravel(), 10) == 255).all()


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files_come_with_their_labels(tmp_path, compressed):
    pack, end = (gzip.compress, ".gz") if compressed else (bytes, "")
    (tmp_path / f"t-images-idx3-ubyte{end}").write_bytes(pack(idx(IMAGES)))
    (tmp_path / f"t-labels-idx1-ubyte{end}").write_bytes(pack(idx(np.arange(6, dtype=np.uint8))))
    found = read_images(tmp_path / f"t-images-idx3-ubyte{end}")
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.labels == tuple("012345")


@pytest.mark.parametrize(("kind", "dtype"), [(9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
def test_idx_files_of_every_type(tmp_path, kind, dtype):
    values = (IMAGES // 2).astype(dtype)
    (tmp_path / "x.idx").write_bytes(idx(values, kind))
    np.testing.assert_array_equal(read_images(tmp_path / "x.idx").images, values)


def test_arrays(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", np.arange(6.0))
    np.savez(tmp_path / "xy.npz", images=IMAGES, labels=list("abcdef"))
    (tmp_path / "y.txt").write_text("a\nb\nc\nd\ne\nf\n")
    assert read_images(tmp_path / "x.npy").labels is None
    assert read_images(tmp_path / "x.npy", labels=tmp_path / "y.npy").labels == tuple("012345")
    assert read_images(tmp_path / "x.npy", labels=tmp_path / "y.txt").labels == tuple("abcdef")
    assert read_images(tmp_path / "xy.npz").labels == tuple("abcdef")


def test_a_picture_that_cannot_be_read_is_named_or_skipped(tmp_path):
    for n in range(3):
        picture(tmp_path / "a" / f"{n}.png", IMAGES[n])
    (tmp_path / "a" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    whole = (tmp_path / "a" / "2.png").read_bytes()
    (tmp_path / "a" / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a/1.png: it cannot be read as a picture .* \(--skip-bad leaves such"):
        read_images(tmp_path)
    found = read_images(tmp_path, skip_bad=True)
    assert found.names == ("a/0.png", "a/2.png")
    assert [line.split(":")[0][-5:] for line in found.skipped] == ["1.png", "3.png"]


def test_sizes_must_agree_unless_any_will_do(tmp_path):
    picture(tmp_path / "a" / "0.png", IMAGES[0])
    picture(tmp_path / "a" / "1.png", IMAGES[1][:3])
    with pytest.raises(DataError, match=r"a/1.png is 4 by 3 pixels, but a/0.png is 4 by 5: .*--any-size"):
        read_images(tmp_path)
    assert len(read_images(tmp_path, any_size=True).images) == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.idx", None, "there is no such file or folder"),
        ("x.idx", idx(IMAGES)[:-1], "holds 119 bytes, but its header claims 120"),
        ("x.idx", idx(IMAGES) + b"1", "holds more than 120 bytes"),
        ("x.idx", idx(IMAGES)[:9], "its header is cut short"),
        ("x.idx", b"\0\0\x08\x03" + b"\xff" * 12, "claims"),
        ("x.idx", idx(np.arange(6, dtype=np.uint8)), r"images are an array of numbers \(n, height, width\)"),
        ("x-idx3-ubyte.gz", gzip.compress(idx(IMAGES))[:-20], "it is damaged, copy the file again"),
        ("x.txt", b"hello", "unknown kind of file; expected a folder of pictures"),
        ("x.npy", b"hello", "it cannot be read as .npy"),
        ("x.npz", b"hello", "it cannot be read as .npz"),
    ],
)
def test_files_that_are_none_are_refused(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_images(tmp_path / name)


def test_arrays_that_are_none_are_refused(tmp_path):
    np.save(tmp_path / "nan.npy", np.where(np.arange(6)[:, None, None] == 4, np.nan, IMAGES))
    with pytest.raises(DataError, match="image 4 holds NaN"):
        read_images(tmp_path / "nan.npy")
    np.savez(tmp_path / "other.npz", pictures=IMAGES)
    with pytest.raises(DataError, match="holds pictures; expected an array 'images'"):
        read_images(tmp_path / "other.npz")
    np.savez(tmp_path / "short.npz", images=IMAGES, labels=list("abc"))
    with pytest.raises(DataError, match="has 3 labels, but 6 images"):
        read_images(tmp_path / "short.npz")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read as .npy"):
        read_images(tmp_path / "objects.npy")


def test_labels_that_do_not_fit_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    (tmp_path / "y.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match=r"y.txt has 2 labels, but .*x.npy has 6 images"):
        read_images(tmp_path / "x.npy", labels=tmp_path / "y.txt")
    np.save(tmp_path / "half.npy", np.arange(6) + 0.5)
    with pytest.raises(DataError, match="labels are whole numbers or text, but it holds 0.5"):
        read_images(tmp_path / "x.npy", labels=tmp_path / "half.npy")
    with pytest.raises(DataError, match="there is no such file; expected labels"):
        read_images(tmp_path / "x.npy", labels=tmp_path / "none.txt")


def test_an_empty_folder_and_a_mixed_one_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no image that can be read"):
        read_images(tmp_path)
    picture(tmp_path / "a" / "0.png", IMAGES[0])
    picture(tmp_path / "1.png", IMAGES[1])
    with pytest.raises(DataError, match=r"pictures \(1.png, …\) beside folders of pictures \(a, …\)"):
        read_images(tmp_path)
