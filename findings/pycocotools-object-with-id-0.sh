# pycocotools 2.0.11: an object whose annotation has the id 0 is never found.
#
# Installs pycocotools 2.0.11. The set has one picture with two objects, and the detections are the objects themselves. It is judged with the
# annotations numbered from 1, and from 0 as several exporters number them.
#
# One would expect an AP of 1 either way: the format asks for unique ids only, and says nothing of their values.
#
# What happens: COCOeval notes of each detection the id of the object that it found, and takes 0 for "none". The detection of the object 0
# counts as a false alarm, and the object as missed: AP 0.252 instead of 1.
#
# Who is hurt: who compares models on a small set with ids from 0. On a large one it is a single object. (cocodataset/cocoapi, issue 664)
. "$(dirname "$0")/common.sh"

install pycocotools==2.0.11 numpy==1.26.4

cat > "$work/judge.py" <<'EOF'
import contextlib
import io
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

BOXES = [[10, 10, 30, 40], [60, 20, 20, 30]]


def annotate(box, **more):
    return {"image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0, **more}


first = int(sys.argv[1])
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [annotate(box, id=first + i) for i, box in enumerate(BOXES)],
    }
    truth.createIndex()
    detections = truth.loadRes([annotate(box, score=0.9 - 0.1 * i) for i, box in enumerate(BOXES)])
    judged = COCOeval(truth, detections, "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
print(f"ids from {first}: AP {judged.stats[0]:.3f}")
EOF

expect "$(python judge.py 1)" "ids from 1: AP 1.000"
expect "$(python judge.py 0)" "ids from 0: AP 0.252"
