"""Making the goldens of a model: pictures, their expected detections, and the tolerances for a device."""
