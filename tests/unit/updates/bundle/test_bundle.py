"""Bundles: what is in one is what was signed, all of it and nothing else."""

import io
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edged.errors import BundleError, StoreError, TrustError
from edged.host.files import LocalFileSystem
from edged.model.goldens import read_goldens, write_goldens
from edged.updates.bundle import manifest as manifests
from edged.updates.bundle.archive import CHUNK_BYTES, ENVELOPE_NAME, write_archive
from edged.updates.bundle.bundle import (
    Bundle,
    check_goldens,
    iter_verified_content,
    open_bundle,
    open_unverified,
    rewrite_envelope,
    write_bundle,
)
from edged.updates.bundle.manifest import Manifest, Variant, digest_of, encode_manifest
from support.bundles import (
    DUMMY_MODEL,
    GOLDENS,
    SigningKey,
    SigningKeys,
    bundle_files,
    make_bundle,
    make_manifest,
    sign,
    write_files,
)

SIGNING = SigningKeys()


def open_signed(path: Path, signing: SigningKeys = SIGNING) -> Bundle:
    with path.open("rb") as file:
        return open_bundle(file, path.stat().st_size, signing.trust)


def read_contents(path: Path) -> dict[str, bytes]:
    bundle = open_signed(path)
    with path.open("rb") as file:
        return {
            entry.name: b"".join(iter_verified_content(file, bundle, entry))
            for entry in bundle.manifest.files
        }


def pack(path: Path, envelope: bytes, contents: Mapping[str, bytes]) -> Path:
    """Anything under any envelope, which `write_bundle` would not do."""
    members = [(name, len(one), [one]) for name, one in contents.items()]
    write_archive(LocalFileSystem(), path, [(ENVELOPE_NAME, len(envelope), [envelope]), *members])
    return path


def test_a_bundle_is_opened_and_unpacked(tmp_path: Path) -> None:
    path = make_bundle(tmp_path, SIGNING, version="1.2", counter=7, epoch=1)
    bundle = open_signed(path)
    assert bundle.manifest.title == "marks@1.2"
    assert (bundle.manifest.counter, bundle.manifest.epoch) == (7, 1)
    assert bundle.digest == digest_of(encode_manifest(bundle.manifest))
    assert read_contents(path) == bundle_files(DUMMY_MODEL)


def test_the_same_content_is_the_same_bundle(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    first, second = (make_bundle(tmp_path / folder, SIGNING) for folder in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_only_who_is_trusted_is_believed(tmp_path: Path) -> None:
    path = make_bundle(tmp_path, SigningKeys("stranger"))
    with pytest.raises(TrustError, match="must sign"):
        open_signed(path)
    with path.open("rb") as file:
        assert open_unverified(file, path.stat().st_size).manifest.title == "marks@1"


def test_nothing_behind_the_envelope_is_read_before_it_is_verified(tmp_path: Path) -> None:
    whole = make_bundle(tmp_path, SigningKeys("stranger")).read_bytes()
    end = 512 + -(-len(envelope_of(whole)) // 512) * 512
    with pytest.raises(TrustError):
        open_bundle(io.BytesIO(whole[:end]), len(whole), SIGNING.trust)


def envelope_of(bundle: bytes) -> bytes:
    return open_unverified(io.BytesIO(bundle), len(bundle)).envelope


def test_an_envelope_for_something_else_is_no_manifest(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.edgem", SIGNING.trust_envelope(), bundle_files(DUMMY_MODEL))
    with pytest.raises(BundleError, match="this is not a bundle's manifest"):
        open_signed(path)
    with path.open("rb") as file, pytest.raises(BundleError, match="not a bundle's manifest"):
        open_unverified(file, path.stat().st_size)


def test_a_signed_manifest_with_nonsense_is_refused(tmp_path: Path) -> None:
    payload = msgspec.json.encode({"schema": manifests.SCHEMA, "name": "marks"})
    envelope = sign(manifests.PAYLOAD_TYPE, payload, SIGNING.models)
    with pytest.raises(BundleError, match="the manifest cannot be read"):
        open_signed(pack(tmp_path / "a.edgem", envelope, bundle_files(DUMMY_MODEL)))


def test_files_of_one_bundle_under_the_envelope_of_another(tmp_path: Path) -> None:
    old = bundle_files(b"the old model, with a hole in it")
    new = bundle_files(b"the new model, which has no hole")
    envelope = SIGNING.manifest_envelope(make_manifest(new, version="2"))
    path = pack(tmp_path / "mixed.edgem", envelope, {**new, "model.tflite": old["model.tflite"]})
    with pytest.raises(BundleError, match=r"model\.tflite is damaged, or not the file"):
        read_contents(path)
    path = pack(tmp_path / "mixed.edgem", envelope, {**new, GOLDENS: old[GOLDENS]})
    with pytest.raises(BundleError, match=r"goldens\.json is damaged, or not the file"):
        read_contents(path)
    longer = {**new, "model.tflite": new["model.tflite"] + b"!"}
    with pytest.raises(BundleError, match="has 33 bytes in the bundle, and 32 in its manifest"):
        open_signed(pack(tmp_path / "mixed.edgem", envelope, longer))


def test_files_that_are_missing_or_not_listed(tmp_path: Path) -> None:
    contents = bundle_files(DUMMY_MODEL)
    envelope = SIGNING.manifest_envelope(make_manifest(contents))
    more = pack(tmp_path / "more.edgem", envelope, {**contents, "surprise.so": b"x"})
    with pytest.raises(BundleError, match=r"holds surprise\.so, which its manifest does not list"):
        open_signed(more)
    less = {name: one for name, one in contents.items() if name != "01.png"}
    with pytest.raises(BundleError, match=r"lacks 01\.png, which its manifest lists"):
        open_signed(pack(tmp_path / "less.edgem", envelope, less))


def test_a_manifest_cannot_list_the_envelope(tmp_path: Path) -> None:
    contents = {**bundle_files(DUMMY_MODEL), ENVELOPE_NAME: b"{}"}
    envelope = SIGNING.manifest_envelope(make_manifest(contents))
    with pytest.raises(BundleError, match=r"envelope\.json twice"):
        open_signed(pack(tmp_path / "a.edgem", envelope, contents))


def test_the_last_piece_is_not_given_before_all_is_right(tmp_path: Path) -> None:
    contents = bundle_files(bytes(CHUNK_BYTES + 100))
    envelope = SIGNING.manifest_envelope(make_manifest(contents))
    contents["model.tflite"] = b"\1" + contents["model.tflite"][1:]
    path = pack(tmp_path / "a.edgem", envelope, contents)
    bundle = open_signed(path)
    pieces: list[bytes] = []
    with path.open("rb") as file, pytest.raises(BundleError, match="is damaged"):
        pieces.extend(iter_verified_content(file, bundle, bundle.manifest.file("model.tflite")))
    assert sum(map(len, pieces)) <= CHUNK_BYTES


def test_an_empty_file_is_verified_too(tmp_path: Path) -> None:
    contents = {**bundle_files(DUMMY_MODEL), "notes.txt": b""}
    manifest = make_manifest(contents)
    assert read_contents(pack(tmp_path / "a.edgem", SIGNING.manifest_envelope(manifest), contents))
    wrong = tuple(
        replace(entry, sha256="0" * 64) if entry.name == "notes.txt" else entry
        for entry in manifest.files
    )
    envelope = SIGNING.manifest_envelope(replace(manifest, files=wrong))
    with pytest.raises(BundleError, match=r"notes\.txt is damaged"):
        read_contents(pack(tmp_path / "b.edgem", envelope, contents))


def test_a_bundle_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = make_bundle(tmp_path, SIGNING)
    bundle = open_signed(path)
    cut = path.read_bytes()[: bundle.members[GOLDENS].offset + 10]
    with pytest.raises(BundleError, match=r"ends after \d+ bytes, too early"):
        list(iter_verified_content(io.BytesIO(cut), bundle, bundle.manifest.file(GOLDENS)))


def check_contents(contents: Mapping[str, bytes], **changes: object) -> None:
    check_goldens(make_manifest(contents, **changes), contents.__getitem__)


def with_fewer_goldens(contents: Mapping[str, bytes], keep: slice) -> dict[str, bytes]:
    goldens = read_goldens(contents[GOLDENS])
    return {**contents, GOLDENS: write_goldens(replace(goldens, goldens=goldens.goldens[keep]))}


def test_goldens_that_can_be_used() -> None:
    check_contents(bundle_files(DUMMY_MODEL))


def test_too_few_goldens_or_too_few_empty_scenes() -> None:
    contents = bundle_files(DUMMY_MODEL)
    with pytest.raises(
        BundleError, match="has 7 pictures, 2 of them empty scenes; at least 8 and 2 are"
    ):
        check_contents(with_fewer_goldens(contents, slice(1, None)))
    goldens = read_goldens(contents[GOLDENS])
    seen = goldens.goldens[0].detections
    full = tuple(replace(one, detections=one.detections or seen) for one in goldens.goldens[:-1])
    one_empty = replace(goldens, goldens=(*full, goldens.goldens[-1]))
    with pytest.raises(BundleError, match="has 8 pictures, 1 of them"):
        check_contents({**contents, GOLDENS: write_goldens(one_empty)})
    same = replace(goldens, goldens=(goldens.goldens[-1],) * 8)
    with pytest.raises(BundleError, match="has 1 pictures"):
        check_contents({**contents, GOLDENS: write_goldens(same)})


def test_a_classifier_needs_two_answers_and_no_empty_scenes() -> None:
    contents = bundle_files(DUMMY_MODEL)
    goldens = read_goldens(contents[GOLDENS])
    seen = next(one.detections[:1] for one in goldens.goldens if one.detections)
    other = (replace(seen[0], label="another"),)
    every = [replace(one, detections=seen) for one in goldens.goldens]
    for last, is_enough in ((seen, False), (other, True), ((), True)):
        answers = (*every[:-1], replace(every[-1], detections=last))
        changed = {**contents, GOLDENS: write_goldens(replace(goldens, goldens=answers))}
        if is_enough:
            check_contents(changed, family="classification")
            continue
        with pytest.raises(BundleError, match="8 pictures with 1 different answers"):
            check_contents(changed, family="classification")


def test_goldens_of_another_model() -> None:
    with pytest.raises(
        BundleError, match=r"goldens\.json was not made with the model model\.tflite"
    ):
        check_contents({**bundle_files(DUMMY_MODEL), "model.tflite": b"another"})


def test_goldens_whose_pictures_are_others_or_not_there() -> None:
    contents = bundle_files(DUMMY_MODEL)
    with pytest.raises(
        BundleError, match=r"names 01\.png, which is missing in the bundle or has another content"
    ):
        check_contents({**contents, "01.png": contents["02.png"]})
    with pytest.raises(BundleError, match=r"names 08\.png"):
        check_contents({name: one for name, one in contents.items() if name != "08.png"})


@pytest.mark.parametrize("nonsense", [b"", b"[]", b"\xff", b"x" * (1 << 21)])
def test_goldens_that_are_none(nonsense: bytes) -> None:
    with pytest.raises(BundleError, match=r"goldens\.json: the goldens"):
        check_contents({**bundle_files(DUMMY_MODEL), GOLDENS: nonsense})


def test_an_edgetpu_variant_may_have_the_goldens_of_the_model_that_it_was_compiled_from() -> None:
    contents = {**bundle_files(DUMMY_MODEL), "tpu.tflite": b"for the TPU", "own.json": b"[]"}
    cpu = Variant(kind="cpu", model="model.tflite", goldens=GOLDENS)
    tpu = Variant(kind="edgetpu", model="tpu.tflite", goldens=GOLDENS)
    check_contents(contents, variants=(cpu, tpu))
    with pytest.raises(BundleError, match=r"own\.json: the goldens cannot be read"):
        check_contents(contents, variants=(cpu, replace(tpu, goldens="own.json")))


def test_what_would_not_open_is_not_written(tmp_path: Path) -> None:
    contents = bundle_files(DUMMY_MODEL)
    sources = write_files(tmp_path / "files", contents)
    envelope = SIGNING.manifest_envelope(make_manifest(contents))
    out = tmp_path / "a.edgem"
    with pytest.raises(BundleError, match=r"lacks 01\.png"):
        write_bundle(out, envelope, {n: one for n, one in sources.items() if n != "01.png"})
    with pytest.raises(BundleError, match="does not list more"):
        write_bundle(out, envelope, {**sources, "more": sources["01.png"]})
    for changed in (b"", DUMMY_MODEL + b"!", DUMMY_MODEL[:-1] + b"!"):
        sources["model.tflite"].write_bytes(changed)
        with pytest.raises(BundleError, match=r"model\.tflite changed while"):
            write_bundle(out, envelope, sources)
    sources["model.tflite"].unlink()
    with pytest.raises(StoreError, match=r"cannot read .*model\.tflite"):
        write_bundle(out, envelope, sources)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def envelope_with(manifest: Manifest, *keys: SigningKey) -> bytes:
    return sign(manifests.PAYLOAD_TYPE, encode_manifest(manifest), *keys)


def test_another_signature_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    path = make_bundle(tmp_path, SigningKeys("stranger"))
    with path.open("rb") as file:
        manifest = open_unverified(file, path.stat().st_size).manifest
    rewrite_envelope(path, envelope_with(manifest, SIGNING.models, SigningKeys("stranger").models))
    assert read_contents(path) == bundle_files(DUMMY_MODEL)
    before = path.read_bytes()
    with pytest.raises(BundleError, match="the envelope is not of marks@1"):
        rewrite_envelope(path, envelope_with(replace(manifest, counter=9), SIGNING.models))
    assert path.read_bytes() == before


def test_a_damaged_bundle_gets_no_signature(tmp_path: Path) -> None:
    path = make_bundle(tmp_path, SIGNING)
    bundle = open_signed(path)
    damaged = bytearray(path.read_bytes())
    damaged[bundle.members["model.tflite"].offset] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BundleError, match=r"model\.tflite is damaged"):
        rewrite_envelope(path, bundle.envelope)
    assert path.read_bytes() == damaged
    assert len(list(tmp_path.iterdir())) == 2
