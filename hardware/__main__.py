"""Write everything that is generated: `python -m hardware [--long]`.

With `--long` all simulations run first and their record is kept (about 20 minutes on an idle core).
"""

import sys

from .pages import write
from .record import run

if __name__ == "__main__":
    if "--long" in sys.argv[1:]:
        run(print)
    for changed in write():
        print(f"wrote {changed}")
