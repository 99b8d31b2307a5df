"""``python -m edged.web FD`` is the web process."""

import sys

from edged.web.main import main

sys.exit(main(sys.argv))
