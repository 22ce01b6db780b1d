"""The supervisor as a program: `python -m scaleproof.runtime.daemon STATE_FOLDER LOCK_DESCRIPTOR`, started by guardian.py."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from scaleproof.runtime.control import error_document
from scaleproof.runtime.control_server import ControlServer
from scaleproof.runtime.handlers import Handlers
from scaleproof.runtime.launch import die_with_parent
from scaleproof.runtime.orders import Orders
from scaleproof.runtime.state_folder import StateFolder
from scaleproof.runtime.supervisor import Supervisor
from scaleproof.spec.errors import ScaleproofError


def watch(pid: int, then: Callable[[], None]) -> None:
    """Call `then` once when that process ends; at once where it has already."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        then()
        return

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        then()

    loop.add_reader(descriptor, ended)


async def serve(folder: StateFolder) -> int:
    """Run the platform that the folder's orders describe. Returns the exit code."""
    orders = Orders.read(folder)
    supervisor = Supervisor(folder, orders)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.ending.set)
    watch(orders.starter_pid, lambda: None if supervisor.adopted else supervisor.ending.set())
    if orders.owner_pid is not None:
        watch(orders.owner_pid, supervisor.ending.set)
    control = ControlServer(folder, Handlers(supervisor).by_order())
    await control.start()
    try:
        await supervisor.run()
    except ScaleproofError as error:
        folder.write(folder.failure.name, error_document(error))
        return int(error.exit_code)
    finally:
        await control.stop()
    return 0


def main() -> int:
    """Exit code 0 after an orderly end, else that of the error."""
    die_with_parent(os.getppid(), signal.SIGTERM)
    # Kept open, so that the lock is held until this process ends too; not handed on to children.
    os.set_inheritable(int(sys.argv[2]), False)
    return asyncio.run(serve(StateFolder(Path(sys.argv[1]))))


if __name__ == "__main__":
    sys.exit(main())
