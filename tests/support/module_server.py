"""Runs modules of the collection in forks of one process, which has imported Ansible once: ``python module_server.py SOCKET``.

It runs in the environment of Ansible. A client connects to SOCKET, sends ``{"module": NAME, "arguments": {…}}`` and closes its direction; what the
module prints comes back. The server ends when its standard input is closed.
"""

import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from typing import NoReturn

import ansible.module_utils.basic  # noqa: F401 - takes most of a module's time


def serve(path: str) -> None:
    """Fork a process for each connection, until standard input is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while True:
            ready, _, _ = select.select([server, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = server.accept()
            if os.fork() == 0:
                run_module(connection)
            connection.close()


def run_module(connection: socket.socket) -> NoReturn:
    """Run the requested module as a program: arguments on standard input, result on standard output."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("rb") as reader:
        request = json.load(reader)
    readable, writable = os.pipe()
    os.write(writable, json.dumps({"ANSIBLE_MODULE_ARGS": request["arguments"]}).encode())
    os.close(writable)
    os.dup2(readable, sys.stdin.fileno())
    os.dup2(connection.fileno(), sys.stdout.fileno())
    del sys.argv[1:]  # Ansible would take them for the arguments of the module
    code = 1
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - this is the program's end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
