"""Values: immutable, typed, without I/O. Everything that the other layers say to each other."""
