"""Labelled pictures: drawn scenes, COCO and YOLO folders, clips."""
