# Installed: nothing; Python 3.11 or later and Linux.
#
# A program waits in `select.epoll.poll`, or in `selectors`, with a timeout, and does what is due when it returns. Expected: what has arrived meanwhile is in the result, as the
# C function epoll_wait(2) has it, which looks at the descriptors before it looks at the time.
# Seen: if a signal interrupts the wait and the timeout is over by then, Python returns an empty list without another look (PEP 475: it computes the time that is left, and
# there is none). SIGSTOP with SIGCONT does that (signal(7) lists epoll_wait among the calls that it interrupts): after a pause the first result is empty, however much has arrived
# in it. `selectors.DefaultSelector`, and with it asyncio, inherits it; `select.poll` is not concerned.
# Hurt: whoever treats an empty result as "nothing came within the timeout", such as a check for silent peers: after each pause, all peers look silent.
. "$(dirname "$0")/common.sh"

cat > "$work/look.py" <<'PYTHON'
import os
import select
import selectors
import subprocess
import sys

HELPER = """
import os, signal, sys, time
pid = int(sys.argv[1])
time.sleep(0.3)
os.kill(pid, signal.SIGSTOP)
time.sleep(0.2)
os.write(int(sys.argv[2]), b"x")
time.sleep(1)
os.kill(pid, signal.SIGCONT)
"""


def watch(name, register, wait):
    readable, writable = os.pipe()
    register(readable)
    helper = [sys.executable, "-c", HELPER, str(os.getpid()), str(writable)]
    other = subprocess.Popen(helper, pass_fds=[writable])
    first = wait(1.0)
    print(f"{name}: {len(first)}, then {len(wait(0))}", end="; ")
    other.wait()


epoll, poll, selector = select.epoll(), select.poll(), selectors.DefaultSelector()
watch("epoll", lambda fd: epoll.register(fd, select.EPOLLIN), epoll.poll)
watch("selectors", lambda fd: selector.register(fd, selectors.EVENT_READ), selector.select)
watch("poll", lambda fd: poll.register(fd, select.POLLIN), lambda s: poll.poll(s * 1000))
PYTHON
expect "$("${PYTHON:-python3}" "$work/look.py")" "epoll: 0, then 1; selectors: 0, then 1; poll: 1, then 1; "
