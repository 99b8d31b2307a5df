"""An untrained network whose one output holds pixels and scores: what 8 bits with one scale cannot hold."""

from edged_models.tensorflow import keras, layers, tf

SIDE_PX = 32


def build() -> keras.Model:
    """Build a network from (1, 32, 32, 3) float32 in 0..1 to (1, 64, 12) float32: 4 columns up to 400, and 8 below 0.5."""
    keras.utils.set_random_seed(7)
    image = layers.Input((SIDE_PX, SIDE_PX, 3), batch_size=1, name="image")
    x = layers.Conv2D(12, 3, 2, "same", activation="relu", name="stem")(image)
    x = layers.Conv2D(16, 3, 2, "same", activation="relu", name="body")(x)
    boxes = layers.Reshape((64, 4))(layers.Conv2D(4, 1, activation="sigmoid", name="boxes")(x))
    scores = layers.Conv2D(8, 1, bias_initializer=keras.initializers.Constant(-2.0), name="scores")
    scores = tf.sigmoid(layers.Reshape((64, 8))(scores(x)))
    joined = layers.Concatenate(axis=-1, name="join")([boxes * 400.0, scores])
    return keras.Model(image, joined, name="mixed_head")
