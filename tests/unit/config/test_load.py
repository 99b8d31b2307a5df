"""The contents of configuration files, and the messages for mistakes in them."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edged.config.load import LoadedConfig, load_config
from edged.config.problems import InvalidConfigError
from edged.config.settings import DetectSettings, Settings
from edged.config.validate import read_settings
from edged.registry import CAMERAS

JSONL = '[jsonl]\npath = "out.jsonl"\n'
SYNTHETIC = '[camera.front]\nsource = "synthetic"\n'
MINIMAL = JSONL + SYNTHETIC

ISSUE = """\
[device]
name = "bench-1"
[mqtt]
host = "127.0.0.1"
port = 1883
[model]
path = "model.tflite"
[camera.front]
source = "replay"
path = "clip.mp4"
speed = "max"
loop = false
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "edged.toml"


def load_text(config_file: Path, text: str) -> LoadedConfig:
    config_file.write_text(text, encoding="utf-8")
    return load_config(config_file)


def problems(config_file: Path, text: str | bytes) -> list[str]:
    """Return all problems of a file, each as text from its line number on."""
    config_file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InvalidConfigError) as caught:
        load_config(config_file)
    assert str(caught.value).splitlines() == [str(p) for p in caught.value.problems]
    assert all(p.file == str(config_file) for p in caught.value.problems)
    return [str(p).removeprefix(f"{config_file}:").strip() for p in caught.value.problems]


def test_the_shape_that_everybody_writes(config_file: Path) -> None:
    config = load_text(config_file, ISSUE)
    front = config.settings.camera["front"]

    assert config.settings.device.name == "bench-1"
    assert config.settings.model.path == config_file.parent / "model.tflite"
    assert front.source == "replay"
    assert front.driver is not None
    assert (front.driver.path, front.driver.speed, front.driver.loop) == (  # type: ignore[attr-defined]  # replay's own
        config_file.parent / "clip.mp4",
        "max",
        False,
    )
    assert config.settings.publisher is not None
    name, mqtt = config.settings.publisher
    assert (name, mqtt.host, mqtt.port) == ("mqtt", "127.0.0.1", 1883)  # type: ignore[attr-defined]  # mqtt's own
    assert config.files == (config_file,)
    assert config.warnings == ()


def test_the_least_there_can_be_gives_the_defaults(config_file: Path) -> None:
    settings = load_text(config_file, MINIMAL).settings

    assert settings.detect == DetectSettings()
    assert settings.model == Settings().model
    assert settings.camera["front"].enabled


def test_the_simulated_runtime_takes_options_without_a_delegate(config_file: Path) -> None:
    model = '[model]\nruntime = "simulated"\ndelegate_options = { latency_ms = "5" }\n'

    assert load_text(config_file, MINIMAL + model).settings.model.delegate_options == {
        "latency_ms": "5"
    }


def test_every_problem_is_reported_at_once_in_the_order_of_lines(config_file: Path) -> None:
    text = ISSUE.replace("source", "sorce").replace("bench-1", "bench 1").replace("1883", '"1883"')

    assert problems(config_file, text) == [
        '2: device.name: expected a name of letters, digits, - and _ (64 at most, a letter or digit first), got "bench 1"',
        '5: mqtt.port: expected a whole number from 1 to 65535, got "1883"',
        '9: camera.front.sorce: unknown key; did you mean "source"?',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[model]\nthreads = 0", "2: model.threads: expected a whole number from 1 to 64, got 0"),
        (
            "[model]\nthreads = true",
            "2: model.threads: expected a whole number from 1 to 64, got true",
        ),
        ("[model]\nhang_s = nan", "2: model.hang_s: expected a number from 0.5 to 600, got nan"),
        ("[model]\npath = 3", "2: model.path: expected a path, as a string, got 3"),
        ('[model]\npath = ""', '2: model.path: expected a path, as a string, got ""'),
        ("[model]\nlabels = [1]", "2: model.labels[0]: expected a string, got 1"),
        ("model = 3", "1: model: expected a table, got 3"),
        (
            '[log]\nlevel = "loud"',
            '2: log.level: expected one of "debug", "error", "info", "warning", got "loud"',
        ),
        ("[log]\nlevel = 2020-01-01", "2: log.level: expected one of"),
        (
            "[model.delegate_options]\ndevice = 1",
            "2: model.delegate_options.device: expected a string, got 1",
        ),
        (
            "[model.custom_ops]\nMyOp = '/usr/lib/libmyop.so'",
            "2: model.custom_ops.MyOp: expected a library and one of its functions, as LIBRARY:FUNCTION",
        ),
        ("[track]\nlost = 3", '2: track.lost: unknown key; did you mean "lost_s"?'),
        ("[tracks]", '1: tracks: unknown key; did you mean "track"?'),
        ("[xyz]", "1: xyz: unknown key"),
        ("idle_fps = 5", '1: idle_fps: unknown key; did you mean "inference.idle_fps"?'),
        (
            "[detect.label.dog]\nthreshhold = 1",
            '2: detect.label.dog.threshhold: unknown key; did you mean "threshold"?',
        ),
        (
            '[model]\nfamily = "yolov7"',
            '2: model.family: expected one of "auto", "ssd", "mediapipe"',
        ),
        ('[model]\nruntime = "litrt"', 'did you mean "litert"?'),
        (
            '[model]\nlabels = ["a"]\nlabels_file = "b"',
            "3: model.labels_file: labels is set, too; remove one",
        ),
        ("[model]\nlabels = []", "2: model.labels: the list is empty"),
        (
            '[model]\ndelegate_options = { device = "usb" }',
            "2: model.delegate_options: delegate is not set",
        ),
        ('publisher = ["mqtt", {}]', "1: publisher: unknown key"),
    ],
)
def test_a_mistake_beside_the_camera(config_file: Path, text: str, expected: str) -> None:
    (problem,) = problems(config_file, f"{text}\n{MINIMAL}")

    assert expected in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'source = "replay"',
            "3: camera.front.path: required key is missing; expected a path, as a string",
        ),
        ('source = "replai"', 'got "replai"; did you mean "replay"?'),
        ('source = "zzz"', '4: camera.front.source: expected one of "synthetic", "replay", "v4l2"'),
        ("source = 3", "4: camera.front.source: expected a string, got 3"),
        ("width = 3", "3: camera.front.source: required key is missing; expected a string"),
        (
            'source = "synthetic"\nwith = 3',
            '5: camera.front.with: unknown key; did you mean "width"?',
        ),
        (
            'source = "synthetic"\ngate = "off"',
            '5: camera.front.gate: unknown key; did you mean "inference.gate"?',
        ),
        (
            'source = "synthetic"\nenable = 3',
            '5: camera.front.enable: unknown key; did you mean "enabled"?',
        ),
        (
            'source = "synthetic"\nwidth = 3',
            "5: camera.front.width: expected a whole number from 64 to",
        ),
        (
            'source = "synthetic"\nisolation = "no"',
            '5: camera.front.isolation: expected one of "process", "thread"',
        ),
        ('source = "synthetic"\ndriver = 3', "5: camera.front.driver: unknown key"),
        ('source = "synthetic"\nenabled = false', "3: camera: every camera has enabled = false"),
        (
            'source = "picamera2"\nwidth = 65',
            "5: camera.front.width: expected a whole number from 64 to 4096 and a multiple of 2, got 65",
        ),
        (
            'source = "picamera2"\ncontrols = { AfMode = "auto" }',
            '5: camera.front.controls.AfMode: expected true or false or a whole number or a number, got "auto"',
        ),
        (
            'source = "rtsp"\nurl = "rtsp://me:it@cam/1"',
            "5: camera.front.url: contains a login: an @ before what can be a host; set username and password_file instead",
        ),
    ],
)
def test_a_mistake_in_the_camera(config_file: Path, text: str, expected: str) -> None:
    (problem,) = problems(config_file, f"{JSONL}[camera.front]\n{text}\n")

    assert expected in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("detect.min_area = 0.5\ndetect.max_area = 0.2", "5: camera.front.detect.max_area: min_area = 0.5 is above max_area = 0.2"),
        ("detect.min_area = 0.9", "camera.front.detect.min_area: min_area = 0.9 is above max_area = 0.8"),
        ("detect.label.dog.min_area = 0.9", "4: camera.front.detect.label.dog.min_area: min_area = 0.9 is above max_area = 0.8"),
        ("detect.label.cat.max_ratio = 0.5", "max_ratio: min_ratio = 2 is above max_ratio = 0.5"),
        ('detect.labels = ["a", " "]', "4: camera.front.detect.labels[1]: a label must not be empty"),
        ("detect.labels = []", "4: camera.front.detect.labels: the list is empty"),
        ('detect.label."".threshold = 1', '4: camera.front.detect.label."": a label must not be empty'),
        ('detect.labels = ["dog"]\ndetect.label.dogs.threshold = 1', 'this label is not listed in labels; did you mean "dog"?'),
        ("zone.door.points = [[0, 0], [1, 1]]", "4: camera.front.zone.door.points: expected an array of at least 3, each an array of a number from 0 to 1, a number from 0 to 1, got an array of 2"),
        ("zone.door.points = [[0, 0], [1, 1],\n[2, 1]]", "5: camera.front.zone.door.points[2][0]: expected a number from 0 to 1, got 2"),
        ("zone.door.points = [[0, 0], [1, 1], [1, 0], [0, 1]]", "the edge from [0.0, 0.0] to [1.0, 1.0] touches or crosses the edge from [1.0, 0.0] to [0.0, 1.0]; a zone must"),
        ("mask.m.points = [[0, 0], [1, 1], [0.5, 0.5]]", "4: camera.front.mask.m.points: all corners lie on one line; a mask must"),
        ("zone.door.labels = ['dog']", "4: camera.front.zone.door.points: required key is missing"),
        ('zone."my door".points = [[0, 0], [1, 1], [0, 1]]', '4: camera.front.zone."my door": expected a name of letters'),
        ("zone = 3", "4: camera.front.zone: expected a table, got 3"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_labels_to_detect(config_file: Path, text: str, expected: str) -> None:
    general = "\n[detect]\nmax_area = 0.8\n[detect.label.cat]\nmin_ratio = 2\n"
    camera = SYNTHETIC.replace("[camera.front]\n", f"[camera.front]\n{text}\n")

    (problem,) = problems(config_file, JSONL + camera + general)

    assert expected in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (JSONL, 'no camera is configured; add [camera.front] with source = "synthetic"'),
        (JSONL + "[camera]", 'no camera is configured; add [camera.front] with source = "synthetic"'),
        (JSONL + '[camra.front]\nsource = "synthetic"', '3: camra: unknown key; did you mean "camera"?'),
        (JSONL + "camera.front = 3", "3: jsonl.camera: unknown key"),
        ("camera = 3\n" + JSONL, "1: camera: expected tables [camera.NAME], got 3"),
        ('[[camera.front]]\nsource = "synthetic"\n' + JSONL, "1: camera.front: expected a table, got an array of 1"),
        (SYNTHETIC, 'no publisher is configured; add [mqtt] with host = "…"'),
        (SYNTHETIC + '[jsnl]\npath = "a"', '3: jsnl: unknown key; did you mean "jsonl"?'),
        (MINIMAL + '[mqtt]\nhost = "a"', "a second publisher beside [mqtt]; only one is supported; remove one"),
        (MINIMAL + SYNTHETIC.replace("front", "Front"), '5: camera.Front: differs from the camera "front" only in case'),
        (MINIMAL + '[commands]\nverbs = ["reload", "detct"]', 'got "detct"; did you mean "detect"?'),
        (SYNTHETIC + '[mqtt]\nhost = "a"\npassword = "hush"', "5: mqtt.password: the configuration must not contain secrets; write it to a file"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_whole(config_file: Path, text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(config_file, text))
    assert not any("hush" in problem for problem in problems(config_file, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = yes\n", "2: not TOML: invalid value; put text in quotes"),
        ("a = 1\nb = ", "2: not TOML: invalid value"),
        ("a = 1\na = 2\n", "2: this key is set twice; remove one"),
        (
            "[camera.front]\n\n[camera.front]\n",
            "3: the table [camera.front] is defined twice",
        ),
        ("a = [1,\n", "1: not TOML"),
        (b"a = 1\nb = '\xff'\n", "2: not UTF-8: invalid start byte; save the file as UTF-8"),
        ("a = " + "[" * 5000, "not TOML"),
    ],
)
def test_a_file_that_is_not_toml(config_file: Path, text: str | bytes, expected: str) -> None:
    (problem,) = problems(config_file, text)

    assert problem.startswith(expected)


def test_a_file_that_is_not_there(config_file: Path) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        load_config(config_file)
    assert (
        str(caught.value)
        == f"{config_file}: there is no such file; name the configuration by -c FILE"
    )


def test_a_drop_in_that_is_a_link_to_nothing(config_file: Path) -> None:
    config_file.write_text(MINIMAL)
    link = config_file.parent / "conf.d" / "10-link.toml"
    link.parent.mkdir()
    link.symlink_to("gone.toml")
    with pytest.raises(InvalidConfigError) as caught:
        load_config(config_file)
    assert str(caught.value) == f"{link}: there is no such file; mend the link"


def test_a_byte_order_mark_is_no_mistake(config_file: Path) -> None:
    config_file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())

    assert load_config(config_file).settings.camera


def test_conf_d_is_laid_over_key_by_key_in_the_order_of_names(config_file: Path) -> None:
    conf_d = config_file.parent / "conf.d"
    conf_d.mkdir()
    (conf_d / "20-late.toml").write_text('[detect]\nthreshold = 0.7\nlabels = ["a"]\n')
    (conf_d / "10-early.toml").write_text(
        '[detect]\nthreshold = 0.6\nmin_area = 0.1\n[model]\npath = "m"\n'
    )
    (conf_d / "ignored.txt").write_text("no TOML at all")

    config = load_text(
        config_file, MINIMAL + '[detect]\nthreshold = 0.5\nmax_area = 0.9\nlabels = ["b", "c"]\n'
    )

    assert config.settings.detect == DetectSettings(
        threshold=0.7, labels=("a",), min_area=0.1, max_area=0.9
    )
    assert config.settings.model.path == config_file.parent / "m"
    assert config.files == (config_file, conf_d / "10-early.toml", conf_d / "20-late.toml")


def test_a_relative_path_may_name_a_systemd_credential(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "yard").touch()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    camera = '[camera.c]\nsource = "rtsp"\nurl = "rtsp://c/1"\npassword_file = "yard"\n'

    settings = load_text(config_file, f'{JSONL}{camera}[model]\npath = "m"\n').settings

    assert settings.camera["c"].driver.password_file == tmp_path / "credentials" / "yard"  # type: ignore[union-attr]  # rtsp's own
    assert settings.model.path == tmp_path / "m"


def test_a_mistake_is_reported_where_it_stands_though_other_files_override_it(
    config_file: Path, tmp_path: Path
) -> None:
    over = tmp_path / "over"
    over.mkdir()
    (over / "a.toml").write_text("[track]\nmin_hits = 0\n\n[detect]\nmax_area = 0.1\n")
    config_file.write_text(
        MINIMAL + "[detect]\nmin_area = 0.2\n[track]\nmin_hits = 1\nlost_s = 0\n"
    )

    with pytest.raises(InvalidConfigError) as caught:
        load_config(config_file, conf_d=over)

    assert [(p.file, p.line, p.key) for p in caught.value.problems] == [
        (str(config_file), 9, "track.lost_s"),
        (str(over / "a.toml"), 2, "track.min_hits"),
        (str(over / "a.toml"), 5, "detect.max_area"),
    ]


def test_broken_files_are_all_named(config_file: Path) -> None:
    (config_file.parent / "conf.d").mkdir()
    (config_file.parent / "conf.d" / "a.toml").write_text("= 1\n")
    config_file.write_text("x\n")

    with pytest.raises(InvalidConfigError) as caught:
        load_config(config_file)
    assert [(Path(p.file).name, p.line) for p in caught.value.problems] == [
        ("edged.toml", 1),
        ("a.toml", 1),
    ]


def test_a_zone_for_a_label_that_the_camera_does_not_detect_is_a_warning(
    config_file: Path,
) -> None:
    config_file.write_text(
        f"""{MINIMAL}
[detect]
labels = ["person", "car"]
[camera.front.zone.door]
points = [[0, 0], [1, 0], [1, 1]]
labels = ["person", "cat"]
"""
    )
    (warning,) = load_config(config_file).warnings
    assert warning.key == "camera.front.zone.door.labels[1]"
    assert warning.message == 'the camera does not detect "cat": detect.labels does not list it'
    assert warning.hint == 'did you mean "car"?'


def test_what_is_hardly_meant_is_a_warning(config_file: Path) -> None:
    again = SYNTHETIC.replace("front", "back")
    config = load_text(
        config_file, MINIMAL + again + "[events]\nupdate_s = 10\nstationary_update_s = 5\n"
    )

    assert [(p.line, p.key) for p in config.warnings] == [
        (5, "camera.back"),
        (9, "events.stationary_update_s"),
    ]


@pytest.mark.parametrize(
    ("inference", "expected"),
    [
        (
            'gate = "off"\nrecheck_s = 5\nidle_fps = 5',
            ["inference.recheck_s", "inference.idle_fps"],
        ),
        ('gate = "off"\nmax_fps = 5', []),
        ('gate = "off"\nrecheck_s = 5\n[camera.front.inference]\ngate = "motion"', []),
        (
            'gate = "off"\n[camera.front.inference]\nidle_fps = 5',
            ["camera.front.inference.idle_fps"],
        ),
        (
            'recheck_s = 5\n[camera.front.inference]\ngate = "off"\nrecheck_s = 3',
            ["inference.recheck_s", "camera.front.inference.recheck_s"],
        ),
        ("recheck_s = 5\nidle_fps = 5", []),
    ],
)
def test_a_setting_of_a_gate_that_is_off_is_a_warning(
    config_file: Path, inference: str, expected: list[str]
) -> None:
    config = load_text(config_file, f"{MINIMAL}[inference]\n{inference}\n")

    assert [p.key for p in config.warnings] == expected
    assert all("no effect" in p.message for p in config.warnings)


def test_the_password_of_an_address_is_not_repeated(config_file: Path) -> None:
    (problem,) = problems(
        config_file, JSONL + '[camera.a]\nsource = "rtsp"\nurl = "rtps://me:hush@cam/1"\n'
    )

    assert "hush" not in problem
    assert "rtsp://" in problem


def test_the_error_survives_a_pipe_between_processes() -> None:
    import pickle

    error = InvalidConfigError([])
    assert pickle.loads(pickle.dumps(error)).problems == ()  # noqa: S301 -- our own bytes


_NAMES = ["model", "detect", "camera", "front", "source", "zone", "points", "label", "threads", "path", "jsonl", "mqtt", "x"]  # fmt: skip
_ANYTHING = st.recursive(
    st.one_of(
        st.integers(-2, 70),
        st.floats(),
        st.booleans(),
        st.sampled_from(["", "synthetic", "replay", "auto"]),
        st.dates(),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(_NAMES), _ANYTHING, max_size=6))
def test_no_table_is_beyond_words(table: dict[str, object]) -> None:
    read, problems = read_settings(table, Path)

    assert isinstance(read, Settings)
    assert problems or (read.camera and read.publisher)
    assert all(problem.message for problem in problems)


def test_every_driver_can_stand_in_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    least = {
        "replay": 'path = "clip.mp4"',
        "v4l2": 'device = "/dev/v4l/by-id/x"',
        "rtsp": 'url = "rtsp://127.0.0.1/x"',
    }
    cameras = [
        f'[camera.{name}-{n}]\nsource = "{name}"\n{least.get(name, "")}\n'
        for name in CAMERAS
        for n in range(2)
    ]
    config = tmp_path / "edged.toml"
    config.write_text('[mqtt]\nhost = "127.0.0.1"\n' + "".join(cameras))
    loaded = load_config(config)
    assert len(loaded.settings.camera) == 2 * len(CAMERAS)
    assert len(loaded.warnings) == len(CAMERAS), (
        "each second camera has the same settings as the first"
    )
