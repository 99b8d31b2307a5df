"""Publishers: ways out."""
