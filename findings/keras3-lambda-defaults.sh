# Keras 3.15.1: a Lambda layer whose lambda has a default argument is saved and cannot be loaded again.
#
# Installs keras 3.15.1 and tensorflow-cpu 2.19.1, saves three networks with a Lambda layer, and loads them with safe_mode=False, as their author would:
# a lambda without more, one with a default argument (`lambda x, scale=2.0: x * scale`, the usual way to fix a value in a loop), and one with
# a closure.
#
# One would expect that what `save` accepts, `load_model(safe_mode=False)` reads, as Keras 2 (tf-keras) does.
#
# What happens: the one with the default argument fails, from .keras and .h5 alike, with "arg 4 (defaults) must be None or tuple": the tuple of the
# defaults became a list in the JSON, and is not turned back. The other two load.
#
# Who is hurt: who trained for days, saved, and has no other copy of the weights; the error appears at the first load.
. "$(dirname "$0")/common.sh"

install keras==3.15.1 tensorflow-cpu==2.19.1

cat > "$work/save_and_load.py" <<'END'
import os

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
import keras


def with_closure(scale):
    return lambda x: x * scale


lambdas = {"plain": lambda x: x * 2.0, "default": lambda x, scale=2.0: x * scale, "closure": with_closure(2.0)}
for suffix in ("keras", "h5"):
    for name, function in lambdas.items():
        net = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(function)])
        net.save(f"net.{suffix}")
        try:
            keras.models.load_model(f"net.{suffix}", safe_mode=False, compile=False)
            print(f"{name} .{suffix}: loads")
        except TypeError as error:
            print(f"{name} .{suffix}: {str(error).splitlines()[-1].removeprefix('Exception encountered: ')}")
END

seen=$(python save_and_load.py 2>"$work/errors") || { cat "$work/errors" >&2; exit 1; }
expect "$seen" "plain .keras: loads
default .keras: arg 4 (defaults) must be None or tuple
closure .keras: loads
plain .h5: loads
default .h5: arg 4 (defaults) must be None or tuple
closure .h5: loads"
