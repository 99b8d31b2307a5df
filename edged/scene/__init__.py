"""Turns detections of one camera into tracks and events, by pure rules."""
