"""What several test layers share: a clock that tests own, the test data, real servers on loopback."""
