"""What happens to a frame inside the vision worker, stage by stage."""
