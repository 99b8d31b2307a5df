"""The bundled model: made of one checkpoint, and provably so."""
