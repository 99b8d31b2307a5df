# Functions of the findings, which source this file: a temporary folder with a virtual environment, and one comparison.
# The folder is removed when the script ends.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# install PACKAGE==VERSION…: install packages, and what they need, into a new virtual environment of ${PYTHON:-python3}.
install() {
    "${PYTHON:-python3}" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
    echo "installed: $*"
}

# python [ARGUMENT…]: run the interpreter of the virtual environment in the temporary folder.
python() { (cd "$work" && "$work/venv/bin/python" "$@"); }

# expect SEEN EXPECTED: print what was seen, and fail if it is not what was seen when the finding was written.
expect() {
    echo "seen: $1"
    if [ "$1" != "$2" ]; then
        echo "changed: expected: $2" >&2
        exit 1
    fi
}

# mosquitto_module: write broker.py into the temporary folder: start(LINE...) runs the mosquitto of this host with those lines of configuration on a free
# port of loopback, and returns its process and the port. Sets $version.
mosquitto_module() {
    broker=$(command -v mosquitto || echo /usr/sbin/mosquitto)
    version=$("$broker" -h | sed -n 's/^mosquitto version //p')
    echo "PROGRAM = '$broker'" >"$work/broker.py"
    cat >>"$work/broker.py" <<'END'
import getpass
import socket
import subprocess
import time


def start(*lines):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    first = (f"listener {port} 127.0.0.1", "allow_anonymous true", f"user {getpass.getuser()}")
    with open("conf", "w") as file:
        file.write("\n".join((*first, *lines, "")))
    process = subprocess.Popen([PROGRAM, "-c", "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process, port
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise SystemExit("mosquitto does not start")
END
}
