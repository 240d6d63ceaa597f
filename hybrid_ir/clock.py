"""When the process began, as near as Python tells. Feeds the loop."""

import time

STARTED = time.perf_counter()  # main imports this before what is slow
