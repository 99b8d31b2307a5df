"""The forms in which people keep label lists, and those that are refused because they can be read in two ways."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import ModelError
from edged.model.file.label_list import LabelError
from edged.model.file.labels import parse_labels, read_label_file
from support.data_files import data_file

LABEL_MAP = """\
# made by the training
item {
  name: "/m/01g317"
  id: 1
  display_name: "person"
  keypoints { id: 3 label: "nose" }
}
item: < id: 3, name: 'caf\\303\\251' >
"""
DATA_YAML = """\
path: ../datasets/animals  # dataset root
train: images/train
nc: 3
names:
  0: cat
  1: 'traffic light'  # two words
  # 2 has none
  3: "no"
download: names.zip
"""


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cat\ndog\n\n", ("cat", "dog")),
        ("cat\r\ndog\r\n", ("cat", "dog")),
        ("cat\rdog", ("cat", "dog")),
        ("cat\n\ndog", ("cat", "", "dog")),
        ("# COCO\n#\ncat\ndog", ("cat", "dog")),
        ("!\n#\n$", ("!", "#", "$")),
        ("tench, Tinca tinca\ngoldfish, Carassius auratus", None),
        ("", ()),
    ],
    ids=repr,
)
def test_one_name_on_each_line(text: str, labels: tuple[str, ...] | None) -> None:
    assert parse_labels(text) == (tuple(text.split("\n")) if labels is None else labels)


@pytest.mark.parametrize(
    "text",
    [
        "0  person\n2  car\n",
        "0: person\n2: car",
        "0:person\n\n2:car",
        "0,person\n2,car",
        "0\tperson\n2\tcar",
        "0. person\n2. car",
        "0) person\n2) car",
        "0=person\n2=car",
        "0 - person\n2 - car",
        '0,"person"\n2,"car"',
        "2 car\n0 person\n1 ???",
        "id,name\n0,person\n2,car",
        "name;class_id;colour\nperson;0;red\ncar;2;blue",
        ",name\n0,person\n2,car",
        '{"0": "person", "2": "car"}',
        '{"person": 0, "car": 2}',
        "{0: 'person', 2: 'car'}",
        '[{"id": 0, "name": "person"}, {"id": 2, "name": "car"}]',
        '{"info": {}, "categories": [{"id": 0, "name": "person"}, {"id": 2, "name": "car"}]}',
        '{"id2label": {"0": "person", "2": "car"}, "label2id": {"person": 0, "car": 2}}',
        '["person", null, "car"]',
        "names:\n  0: person\n  2: car\n",
        "names: {0: person, 2: car}",
        "names: [person, '', car]",
        'names: [\n  person, # one\n  "",\n  car,\n]\nnc: 3',
        "nc: 3\nnames:\n- person\n- ~\n- car\nval: x",
        "item { id: 0 name: 'person' }\nitem { id: 2 name: 'car' }",
        'item {\n  name: "x"\n  label: 2\n  display_name: "car"\n}\nitem { name: "person" label: 0 }',
    ],
    ids=repr,
)
def test_forms_that_can_be_read_in_one_way(text: str) -> None:
    assert tuple(label.replace("???", "") for label in parse_labels(text)) == ("person", "", "car")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("1 euro\ncent", ("1 euro", "cent")),
        ("2 wheeler\n3 wheeler", ("2 wheeler", "3 wheeler")),
        ("level 1\nlevel 2", ("level 1", "level 2")),
        ("person 0\ncar 1", ("person", "car")),
        ("car 1\nperson 0", ("person", "car")),
        ("car 8\nperson 7", ("car 8", "person 7")),
        ("0: person\n1: 2 wheeler", ("person", "2 wheeler")),
        ("- person\n- car", ("person", "car")),
        ("[UNK]\nperson", ("[UNK]", "person")),
        ("(none)\nperson", ("(none)", "person")),
        ("'person',\n'car',", ("person", "car")),
    ],
    ids=repr,
)
def test_numbers_in_names_are_no_class_ids(text: str, labels: tuple[str, ...]) -> None:
    assert parse_labels(text) == labels


@pytest.mark.parametrize(
    "text",
    [
        "# label:color_rgb:parts:actions\nperson:128,0,0::\ncar:0,128,0::\n",
        "person:128,0,0:head,hand:walk\ncar:::\n",
        'const char* categories[] = { "person", "car" };\n',
        '#include "labels.h"\nstatic const char *names[2] = {\n  "person",  // 0\n  "car",  // 1\n};',
        "COCO_CLASSES = (\n    'person',  # first\n    'car',\n)\n",
        "CLASSES: list[str] = ['person', 'car']",
        'const labels = ["person", "car"];',
        "NAMES = {0: 'person', 1: 'car'}",
        'labels = ["person", "car"]  # TOML',
        "('person', 'car')",
        "names: [person, car,]\nnc: 2",
        "class_names: [person, car]",
        '{"model_parameters": {"axis_count": 1, "labels": ["person", "car"]}}',
        '[{"name": "person", "color": "#f00"}, {"name": "car", "color": "#00f"}]',
        '{"0": ["n00007846", "person"], "1": ["n02958343", "car"]}',
        "n00007846 person\nn02958343 car",
        "0 n00007846 person\n1 n02958343 car",
        "Class ID,Class Name\n0,person\n1,car",
        "person,\ncar,\n",
        "person,\ncar\n",
        "person\n\ufeffcar\u200b\n",
        "person\r\ncar\r\n\x1a",
    ],
    ids=repr,
)
def test_what_tools_write_around_names_is_no_part_of_them(text: str) -> None:
    assert parse_labels(text) == ("person", "car")


def test_names_on_one_line_are_several_classes() -> None:
    assert parse_labels("person, bicycle, car\n") == ("person", "bicycle", "car")
    assert parse_labels('"tench, Tinca tinca"\n') == ("tench, Tinca tinca",)
    assert parse_labels("person\n") == ("person",)


def test_names_that_a_tool_numbered_keep_their_numbers_apart() -> None:
    assert parse_labels("0 Class 1\n1 Class 1\n") == ("Class 1", "Class 1")


def test_a_class_that_is_not_available_has_no_name() -> None:
    assert parse_labels("__background__\nperson\nN/A\n") == ("__background__", "person", "???")


def test_a_label_map_of_the_object_detection_api_is_read() -> None:
    assert parse_labels(LABEL_MAP) == ("", "person", "", "café")


def test_the_names_in_the_yaml_of_a_yolo_data_set_are_read() -> None:
    assert parse_labels(DATA_YAML) == ("cat", "traffic light", "", "no")


def test_the_real_label_files_are_read_as_they_are() -> None:
    coco = read_label_file(data_file("models/coco_labelmap.txt"))
    assert (len(coco), coco[0], coco[11], coco[89]) == (90, "person", "???", "toothbrush")
    assert len(read_label_file(data_file("models/imagenet_labels.txt"))) == 1001
    assert len(read_label_file(data_file("models/yolox_coco_classes.txt"))) == 80


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 person\n1 bicycle\ncar", 'line 3: "car" has no class id, but other lines have one'),
        ("0 person\n0 car", 'line 2: the class id 0 has two names, "person" and "car"'),
        ("1 cent\n2 cent\n1 euro\n2 euro", "in no order"),
        ("person\n\nbicycle\n\ncar", "line 2: every second line is empty"),
        ("id,name\n0,person\nx,car", "line 3: the row has no class id"),
        ("name,colour\nperson,red", "line 1: the table has no column id"),
        ("<annotation>\n<object/>", "line 1: this is XML"),
        ("404: Not Found", "line 1: this is the error page of a web server"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9",
            "a pointer of Git LFS",
        ),
        ("class_id name\n0 person\n1 car", 'line 1: "class_id name" has no class id'),
        ("Class\nperson\ncar", 'line 1: "Class" can be the title of the list or its first class'),
        ("LabelName,DisplayName\n/m/1,Tortoise\n/m/2,Magpie", "line 1: the table has no column id"),
        ("/m/011k07,Tortoise\n/m/012074,Magpie", "not in the order of a model's classes"),
        ("- id: 0\n  name: person\n- id: 1\n  name: car", "of YAML, only a list of names"),
        ("names:\n- name: a\n- name: b", "line 2: expected a name, got '- name: a'"),
        ("names: [a, , b]", "line 1: between two commas is no name"),
        ("nc: 4\nnames: [a, b, c]", "line 2: nc is 4, but there are 3 names"),
        ("[labels]\nperson\ncar", 'line 1: "\\[labels\\]" can be the title'),
        ('[labels]\n0 = "person"\n1 = "car"', "line 1: .* has no class id"),
        ("cat, dog", '"cat, dog" can be one name or two: write one name on each line'),
        ("A = ['a']\nB = ['b']", "expected one list of names"),
        ("classes = 80\nnames = data/coco.names", "line 1: these are settings"),
        ("0 near\n999999999 far", "line 2: the class id 999999999 is not between"),
        ('["person"', "line 1: not JSON"),
        ('{"0": "person", "0": "car"}', '"0" stands twice'),
        ('{"a": {"b": 1}}', "expected a list of names"),
        ('{"names": ["a"], "labels": ["b"]}', "it has names and labels: keep one"),
        ("[" * 100_000, "nested too deeply"),
        ("names: coco.names", "line 1: expected a list of names, got 'coco.names'"),
        ("nc: 1\nnames: [a, b", r"line 2: the list that begins here does not end with \]"),
        ("names:\n  0: person\n  0: car\n", 'line 3: "0" stands twice'),
        ("names:\n  0:\n    - person\n", "line 1: expected a list of names below"),
        ("names:\n  0: person\n  car\n", "line 3: expected CLASS ID: NAME"),
        ("names: [a]\nlabels: [b]", "line 2: it has names and labels: keep one"),
        ("item { name: 'person' }", "line 1: the item has no id"),
        ("item { id: 1 name: 'a' }\n\nitem { id: 1 name: 'b' }", "line 3: the class id 1 has two"),
        ("item {\n id: 1\n name: 'person\n}", "line 3: a text does not end"),
        ("item { id: 1", "line 1: the file ends within an item"),
        ("item { id 1 }", "line 1: expected NAME: VALUE at 'id'"),
        ("item { id: 1 name: 'a' } node { }", "line 1: expected item, got 'node'"),
        ("p\0e\0r\0", "line 1: not text"),
        ("{[]: 1}", "line 1: not JSON"),
        ("person\na" + " " * 100_000 + "b", "line 2: longer than 1000"),
        ("names:\n  a" + " " * 100_000 + "b", "line 2: expected CLASS ID"),
        ("a\n" * 100_001, "more than 100000 lines"),
    ],
)
def test_lists_that_can_be_read_in_two_ways_are_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    file = tmp_path / "labels.txt"
    file.write_text(text)
    with pytest.raises(ModelError, match=f"cannot read the labels .*labels.txt: .*{reason}"):
        read_label_file(file)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", ["person\ncar\n", "0 person\n1 car\n", "names: [person, car]"])
def test_a_byte_order_mark_does_not_cost_the_first_class(
    tmp_path: Path, encoding: str, text: str
) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(text.encode(encoding))
    assert read_label_file(file) == ("person", "car")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"person\nca\xe9\n", "line 2: not UTF-8.*save the file as UTF-8"),
        (b"x" * (2 << 20), "larger than"),
        (b"\n\n# nothing\n", "has no labels"),
    ],
)
def test_a_file_without_readable_labels_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=reason):
        read_label_file(file)


PIECES = (
    "item",
    "{",
    "}",
    "id: 1",
    "name: 'a'",
    "names:",
    "- ",
    "0",
    "1 ",
    "person",
    ",",
    "#",
    '"',
    "[",
    "]",
    ":",
    "\n",
    " ",
    "\\",
)


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
def test_any_text_is_a_list_or_refused(text: str) -> None:
    with suppress(LabelError):
        assert all(isinstance(label, str) for label in parse_labels(text))
