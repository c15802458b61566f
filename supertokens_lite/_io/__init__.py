"""Effects: the only room that waits, tells the time, rolls dice, and speaks to the network."""
