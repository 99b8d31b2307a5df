"""``python -m edged.vision.worker FD`` is a vision worker."""

import gc
import sys

gc.disable()  # until the model is loaded: what is imported stays, and looking for garbage in it took 10 ms

from edged.vision.worker.main import main  # noqa: E402 (the imports are what it is disabled for)

sys.exit(main(sys.argv))
