"""The recipe of the bundled model: a small detector of printed marks, learnt from pictures that it draws itself.

``scenes`` draws, ``dataset`` stores, ``net`` and ``loss`` learn under ``train``, ``export`` makes the .tflite, ``evaluate`` judges it.
"""
