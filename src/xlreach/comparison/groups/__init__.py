"""What belongs together: languages on two sides, measurements to be compared, systems to be contrasted."""
