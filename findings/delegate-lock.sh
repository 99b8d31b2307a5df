# Installed: ai-edge-litert 2.3.0, numpy 2.3.5; needs a C compiler.
#
# A delegate opens its device in `tflite_plugin_create_delegate`, which takes seconds for an EdgeTPU on USB that gets its firmware first. Expected: `load_delegate` calls it
# through ctypes as other C functions are called, so that the other threads of the program go on.
# Seen: `load_delegate` loads the library as a `ctypes.PyDLL`, which keeps Python's lock: no other thread runs until the device is open. The same holds for
# `tflite_plugin_destroy_delegate`, whenever the last reference to the delegate goes. A plain ctypes call of a C function that sleeps as long lets them run.
# Hurt: whoever opens or drops an accelerator in a thread, in order to go on with cameras, a network connection or a watchdog meanwhile.
. "$(dirname "$0")/common.sh"
install ai-edge-litert==2.3.0 numpy==2.3.5

cat > "$work/slow.c" <<'C'
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
typedef struct { void *data; int (*prepare)(void *, void *); void *hooks[3]; int64_t flags; void *builder; } Delegate;
static int prepare(void *context, void *delegate) { (void)context; (void)delegate; return 0; }
void rest(void) { sleep(1); }
void *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  (void)keys; (void)values; (void)count; (void)report;
  sleep(1);
  Delegate *made = calloc(1, sizeof *made);
  made->prepare = prepare;
  return made;
}
void tflite_plugin_destroy_delegate(void *delegate) { sleep(1); free(delegate); }
C
cc -shared -fPIC -o "$work/slow.so" "$work/slow.c"
cat > "$work/look.py" <<'PYTHON'
import ctypes
import sys
import threading
import time

from ai_edge_litert.interpreter import load_delegate

count = 0


def tick():
    global count
    while True:
        time.sleep(0.01)
        count += 1


def watch(name, call):
    before = count
    result = call()
    print(f"{name}: {'others ran' if count - before > 20 else 'none ran'};", end=" ")
    return result


threading.Thread(target=tick, daemon=True).start()
library = ctypes.CDLL(sys.argv[1])
watch("ctypes", library.rest)
held = [watch("load_delegate", lambda: load_delegate(sys.argv[1]))]
watch("last reference", held.clear)
PYTHON
expect "$(python look.py "$work/slow.so" 2> /dev/null)" "ctypes: others ran; load_delegate: none ran; last reference: none ran; "
