"""The scene of one camera: its detections become tracks and events, by pure rules."""
