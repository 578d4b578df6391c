"""A recogniser adapted to one person's own photos: its last layer alone, on this device."""
