"""How long a bot may take to stop: one budget, which its parts share.

`docker stop` and the demo kill what has not ended ten seconds after SIGTERM. Nothing is lost by that, but the other
bots then wait for leases to run out which a bot that ends by itself gives back. So the parts together stay below it;
and what hangs all the same, such as a thread that reads from a dead file system, does not keep the process.
"""

import logging
import os
import threading
from typing import Final

HANG_UP: Final = 1.0
"""Seconds for Slack to say goodbye to the connection."""
FINISH: Final = 6.0
"""Seconds for the work in hand, evals included: as many as `jobs/queue` gives it."""
CLOSE: Final = 1.5
"""Seconds for the last requests to the HTTP ports, and for the connections to everything else."""
LAST_REQUESTS: Final = 1.0
STOP: Final = 9.0
"""Seconds from the signal to the end of the process, at the latest."""
GRACE: Final = 10.0
"""Seconds after which the demo kills a bot."""

EXIT_HUNG: Final = 1
SAY: Final = 0.5
"""Seconds to write the last line of the log; whatever takes it may be what hangs."""

log: Final = logging.getLogger(__name__)


def end_within(seconds: float = STOP) -> None:
    """End this process after so many seconds, whatever it is doing then."""
    timer = threading.Timer(seconds, _end, (seconds,))
    timer.daemon = True
    timer.start()


def _end(seconds: float) -> None:
    line = threading.Thread(target=log.error, args=("still stopping after %g s; ended", seconds), daemon=True)
    line.start()
    line.join(SAY)
    os._exit(EXIT_HUNG)
